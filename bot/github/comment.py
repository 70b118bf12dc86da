"""The bot's comment on a pull request: one comment, whose parts are updated independently."""

import re
import time
from dataclasses import dataclass

from github.IssueComment import IssueComment
from github.PullRequest import PullRequest

from bot.github.signed_marks import mark, marked

LIMIT = 65_536
PARTS = ("release", "quarantine", "steering", "lint", "plan", "sample", "precheck", "trial", "next")
"""The parts in the order in which the comment shows them: the release first, what to do next last."""

ATTEMPTS = 3
SETTLES_S = 1.0
"""Seconds to wait before checking whether another job has overwritten an edit."""

_PART = re.compile(
    r"<!-- arborist:part (\w+) -->\n((?:(?!\n?<!-- arborist:).)*+)\n<!-- arborist:end \1 -->", re.DOTALL
)
_CUT = "\n\n… cut here: the rest does not fit into a GitHub comment.\n"


@dataclass(frozen=True)
class Posted:
    """The comment after an update."""

    url: str
    body: str


def update_comment(pull: PullRequest, parts: dict[str, str]) -> Posted:
    """Set parts of the bot's comment on a pull request; leave its other parts as they are.

    Args:
        parts: part name -> Markdown, in which all text from outside must already be escaped. An empty text
            removes the part.
    """
    existing = find_comment(pull)
    if existing is None:
        body = compose(parts, _mark(pull))
        created = pull.create_issue_comment(body)
        existing = find_comment(pull) or created
        if existing.id == created.id:
            return Posted(created.html_url, body)
        created.delete()  # another job created the comment first, and there must be only one
    for _ in range(ATTEMPTS):
        body = compose({**read_parts(existing.body), **parts}, _mark(pull))
        if existing.body == body:
            break
        existing.edit(body)
        # GitHub cannot make an edit conditional, so two jobs that edit at the same time may overwrite each
        # other's parts. Each job reads the comment again after its edit, and repeats the edit if it was lost.
        time.sleep(SETTLES_S)
        existing.update()
    return Posted(existing.html_url, existing.body)


def find_comment(pull: PullRequest) -> IssueComment | None:
    """Return the bot's comment. A person's comment with the same marker does not count."""
    return marked(pull.get_issue_comments(), _mark(pull))


def _mark(pull: PullRequest) -> str:
    return mark("comment", pull.base.repo.full_name, pull.number)


def read_parts(body: str) -> dict[str, str]:
    """Return the parts of a comment by name."""
    return dict(_PART.findall(body))


def compose(parts: dict[str, str], opening: str) -> str:
    """Compose a comment from its parts, without the empty ones; cut the longest parts until it fits.

    Args:
        opening: the marker with which the comment begins.
    """
    room = LIMIT - 1_000
    sizes = {name: len(text) for name, text in parts.items()}
    fair = room // max(len(parts), 1)
    lines = [opening]
    for name in PARTS:
        if parts.get(name):
            text = parts[name].replace("<!-- arborist:", "<!-- ")
            if sum(sizes.values()) > room and sizes[name] > fair:
                text = _cut(text, fair)
            lines += [f"<!-- arborist:part {name} -->", text.strip("\n"), f"<!-- arborist:end {name} -->", ""]
    return "\n".join(lines)


def _cut(text: str, limit: int) -> str:
    """Cut a part to at most `limit` characters, at the end of a line, and close open `<details>`."""
    room = limit - len(_CUT)
    while True:
        kept = text[: text.rfind("\n", 0, max(room, 0)) + 1]
        closed = kept + "</details>\n" * (kept.count("<details>") - kept.count("</details>"))
        if len(closed) + len(_CUT) <= limit:
            return closed + _CUT
        room -= len(closed) + len(_CUT) - limit
