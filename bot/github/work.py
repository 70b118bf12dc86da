"""Work for a GPU runner: an open check and a word in the comment say that it goes on, and how it failed."""

import json
import os
from dataclasses import asdict, dataclass

from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.github.checks import report_check
from bot.github.comment import update_comment
from bot.github.render import render

COMMANDS = ("sample", "precheck", "trial")


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

    def write(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str | None) -> "Work | None":
        """What a check says of its work; None where it is no check of ours."""
        try:
            return cls(**json.loads(text or ""))
        except (ValueError, TypeError):
            return None


def begin(repository: Repository, pull: PullRequest, work: Work) -> None:
    """Show that work waits for a GPU runner; whoever does it finishes the check, or else the reaper."""
    sha = pull.head.sha
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    url = f"{server}/{repository.full_name}/actions/runs/{work.run}"
    repository.create_check_run(
        work.check,
        sha,
        status="queued",
        external_id=work.write(),
        details_url=url,
        output={"title": "waits for a GPU runner", "summary": "`/arborist cancel` ends it."},
    )
    update_comment(pull, {work.command: render("waiting", command=work.command, sha=sha, url=url)})


def fail(
    repository: Repository,
    pull: PullRequest,
    sha: str,
    command: str,
    reason: str,
    mend: str,
    title: str,
    conclusion: str = "failure",
) -> None:
    """Tell that work was not done, and why: in the comment, and by the end of its check.

    Args:
        mend: what the reader can do, in Markdown.
        title: the check's.
    """
    text = render("broken", command=command, sha=sha, reason=reason, mend=mend)
    posted = update_comment(pull, {command: text})
    report_check(repository, check_name(command), sha, conclusion, title, posted.url)
