"""Work for a GPU runner: an open check and a word in the comment say that it goes on, and how it failed."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.github.checks import report_check, write_note
from bot.github.comment import update_comment
from bot.github.render import render

COMMANDS = ("sample", "precheck", "trial")
TITLES = {"sample": ("🌱", "Sample"), "precheck": ("🔎", "Precheck"), "trial": ("🧪", "Trial")}
"""A sign and a name for each, as the comment's headings have them."""


def check_name(command: str) -> str:
    """The check that shows the work of a command."""
    return f"arborist {command}"


@dataclass(frozen=True)
class Work:
    """Work for a GPU runner. It stands in its check, so that whoever comes by can tell what it was.

    Attributes:
        command: one of COMMANDS.
        arguments: the rest of the command's line.
        run: the workflow run that does it.
    """

    command: str
    arguments: str
    run: int

    @property
    def check(self) -> str:
        return check_name(self.command)

    @classmethod
    def read(cls, note: Mapping[str, Any]) -> "Work | None":
        """The work that a check's note describes; None where it describes none."""
        command, arguments, run = (note.get(name) for name in ("command", "arguments", "run"))
        if command not in COMMANDS or not isinstance(arguments, str) or not isinstance(run, int):
            return None
        return cls(command, " ".join(arguments.split()), run)


def begin(repository: Repository, pull: PullRequest, work: Work) -> None:
    """Show that work waits for a GPU runner; whoever does it finishes the check, or else the reaper."""
    sha = pull.head.sha
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    url = f"{server}/{repository.full_name}/actions/runs/{work.run}"
    repository.create_check_run(
        work.check,
        sha,
        status="queued",
        external_id=write_note(repository.full_name, sha, work.check, asdict(work)),
        details_url=url,
        output={"title": "waits for a GPU runner", "summary": "`/arborist cancel` ends it."},
    )
    update_comment(pull, {work.command: render("waiting", title=TITLES[work.command], sha=sha, url=url)})


def fail(
    repository: Repository,
    pull: PullRequest,
    sha: str,
    command: str,
    reason: str,
    fix: str,
    title: str,
    conclusion: str = "failure",
) -> None:
    """Tell that work was not done, and why: in the comment, and by the end of its check.

    Args:
        fix: what the reader can do, in Markdown.
        title: the check's.
    """
    text = render("broken", title=TITLES[command], sha=sha, reason=reason, fix=fix)
    posted = update_comment(pull, {command: text})
    report_check(repository, check_name(command), sha, conclusion, title, posted.url)
