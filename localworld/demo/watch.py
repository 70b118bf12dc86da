"""What the demo waits for and shows: the bot's comment, and whatever else takes a while."""

import time
from collections.abc import Callable
from typing import TypeVar

from github.IssueComment import IssueComment
from github.PullRequest import PullRequest

from bot.core.errors import UserError
from bot.core.progress import console

POLL_S = 0.5
PATIENCE_S = 1800

T = TypeVar("T")


def report_on(pull: PullRequest) -> IssueComment | None:
    """Return the bot's comment on a pull request; None if there is none yet."""
    comments = pull.get_issue_comments()
    return next((c for c in comments if c.user.type == "Bot" and "arborist:part" in c.body), None)


def until(find: Callable[[], T | None], what: str) -> T:
    """Call `find` until it returns a value other than None.

    Args:
        what: what is awaited, for the error message: a noun phrase, or "X to do Y".

    Raises:
        UserError: it returned None for PATIENCE_S seconds.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = find()
        if found is not None:
            return found
        time.sleep(POLL_S)
    raise UserError(f"timed out after {PATIENCE_S} s waiting for {what}", code=1)


def show(markdown: str) -> None:
    """Print a part of the bot's comment, without its HTML tags."""
    import html

    from rich.markdown import Markdown
    from rich.padding import Padding

    visible = [line for line in markdown.splitlines() if not line.startswith(("<details", "</details"))]
    text = html.unescape("\n".join(visible)).replace("<sub>", "").replace("</sub>", "")
    text = text.replace("<summary>", "").replace("</summary>", "")
    console.print(Padding(Markdown(text), (0, 4)))
