"""Work for a GPU runner: its check and its part of the comment, while it runs and if it fails."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.github.checks import CheckReport, find_check, report_check, write_note
from bot.github.client import run_url
from bot.github.comment import update_comment
from bot.github.render import render

COMMANDS = ("sample", "precheck", "trial")
TITLES = {"sample": ("🌱", "Sample"), "precheck": ("🔎", "Precheck"), "trial": ("🧪", "Trial")}
"""The emoji and the name of each command in the comment's headings."""

EARLIER = "\n<sub>Of an earlier commit; the pull request has changed since.</sub>\n"
WAITING = " is in progress"
NEXT_WITH_RESULTS = (
    "**What comes next:** a maintainer reads the results above and merges the pull request if they are good; "
    "otherwise its author improves the seed examples. `/arborist help` lists all commands."
)


def check_name(command: str) -> str:
    """Return the name of the check for a command's work."""
    return f"arborist {command}"


@dataclass(frozen=True)
class Work:
    """Work for a GPU runner. It is stored in its check, so that other jobs can cancel, repeat or clean it up.

    Attributes:
        command: one of COMMANDS.
        arguments: the rest of the command's line.
        run: the ID of the workflow run that does the work.
    """

    command: str
    arguments: str
    run: int

    @property
    def check(self) -> str:
        return check_name(self.command)

    @classmethod
    def read(cls, note: Mapping[str, Any]) -> "Work | None":
        """Return the work that a check's note describes; None if it does not describe any."""
        command, arguments, run = (note.get(name) for name in ("command", "arguments", "run"))
        if command not in COMMANDS or not isinstance(arguments, str) or not isinstance(run, int):
            return None
        return cls(command, " ".join(arguments.split()), run)


def of_earlier_commits(parts: Mapping[str, str], sha: str) -> dict[str, str]:
    """Return the parts of the comment that change when a pull request has a new head.

    A result of an earlier commit stays and is marked as such; a failure, or work in progress, is removed.

    Args:
        parts: the parts of the comment.
        sha: the new head.
    """
    changed = {}
    for name in COMMANDS:
        heading, _, rest = parts.get(name, "").partition("\n")
        if not heading or f"`{sha[:7]}`" in heading or rest.startswith(EARLIER):
            continue
        changed[name] = f"{heading}\n{EARLIER}\n{rest}" if _is_result(name, heading) else ""
    return changed


def _is_result(command: str, heading: str) -> bool:
    """Return whether a part with this heading shows a result, and not a failure or work in progress."""
    return not heading.startswith(f"### {TITLES[command][0]} No ") and not heading.endswith(WAITING)


def next_after_work(parts: Mapping[str, str], sha: str) -> str | None:
    """Return the part about what comes next, if there was GPU work for a commit; otherwise None.

    Args:
        parts: the parts of the comment.
    """
    headings = {name: parts.get(name, "").partition("\n")[0] for name in COMMANDS}
    known = {name: heading for name, heading in headings.items() if f"`{sha[:7]}`" in heading}
    if any(heading.endswith(WAITING) for heading in known.values()):
        return ""
    results = {name for name, heading in known.items() if _is_result(name, heading)}
    return NEXT_WITH_RESULTS if results & {"sample", "trial"} else None


def begin(repository: Repository, pull: PullRequest, work: Work) -> None:
    """Show that work waits for a GPU runner.

    The job that does the work completes the check; if the job is lost, the reaper does.
    """
    sha = pull.head.sha
    url = run_url(repository.full_name, work.run)
    repository.create_check_run(
        work.check,
        sha,
        status="queued",
        external_id=write_note(repository.full_name, sha, work.check, asdict(work)),
        details_url=url,
        output={"title": "waiting for a GPU runner", "summary": "`/arborist cancel` stops it."},
    )
    waiting = render("waiting", title=TITLES[work.command], sha=sha, url=url, begun=None)
    update_comment(pull, {work.command: waiting, "next": ""})


def begun(repository: Repository, number: int, sha: str, command: str) -> None:
    """Show in the comment that a runner has begun the work; not if it was cancelled, or was started by hand.

    Args:
        number: the number of the pull request.
    """
    if _open(repository, sha, command):
        text = render("waiting", title=TITLES[command], sha=sha, url=run_url(), begun=datetime.now(UTC))
        pull = repository.get_pull(number)
        update_comment(pull, {command: text})
        if not _open(repository, sha, command):  # it was cancelled meanwhile
            update_comment(pull, {command: ""})


def _open(repository: Repository, sha: str, command: str) -> bool:
    """Return whether a command's check waits for its work."""
    check = find_check(repository, check_name(command), sha)
    return check is not None and check.status != "completed"


@dataclass(frozen=True)
class Failure:
    """Why work failed.

    Attributes:
        fix: what the reader can do about it, in Markdown.
        title: the title of the check.
        conclusion: the conclusion of the check.
    """

    reason: str
    fix: str
    title: str
    conclusion: str = "failure"


def fail(repository: Repository, pull: PullRequest, sha: str, command: str, failure: Failure) -> None:
    """Report in the comment why work failed, and complete its check."""
    text = render("broken", title=TITLES[command], sha=sha, reason=failure.reason, fix=failure.fix)
    posted = update_comment(pull, {command: text})
    report = CheckReport(failure.conclusion, failure.title, posted.url)
    report_check(repository, check_name(command), sha, report)
