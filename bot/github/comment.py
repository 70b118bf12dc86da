"""The one comment on a pull request: parts that are updated apart from each other."""

import re
import time
from dataclasses import dataclass

from github.IssueComment import IssueComment
from github.PullRequest import PullRequest

from bot.github.marks import mark, marked

LIMIT = 65_536
PARTS = ("release", "steering", "lint", "plan", "sample", "precheck", "trial", "next")
"""Parts in the order in which they stand; the newest news comes first, what to do next last."""

ATTEMPTS = 3
SETTLES_S = 1.0
"""Seconds in which whoever writes at the same time has written too."""

_PART = re.compile(
    r"<!-- arborist:part (\w+) -->\n((?:(?!\n?<!-- arborist:).)*+)\n<!-- arborist:end \1 -->", re.DOTALL
)
_CUT = "\n\n… cut here: the rest did not fit into a comment.\n"


@dataclass(frozen=True)
class Posted:
    """The comment after an update."""

    url: str
    body: str


def update_comment(pull: PullRequest, parts: dict[str, str]) -> Posted:
    """Set parts of the bot's comment on a pull request, and leave its other parts as they are.

    Args:
        parts: part name -> Markdown; everything from outside in it must be escaped already.
    """
    existing = find_comment(pull)
    if existing is None:
        body = compose(parts, _mark(pull))
        created = pull.create_issue_comment(body)
        existing = find_comment(pull) or created
        if existing.id == created.id:
            return Posted(created.html_url, body)
        created.delete()  # somebody was quicker, and there is one comment only
    for _ in range(ATTEMPTS):
        body = compose({**read_parts(existing.body), **parts}, _mark(pull))
        if existing.body == body:
            break
        existing.edit(body)
        # GitHub has no condition on an edit: who wrote between our reading and our writing has lost a part,
        # or we have. So each looks again, and whoever misses theirs writes it anew.
        time.sleep(SETTLES_S)
        existing.update()
    return Posted(existing.html_url, existing.body)


def find_comment(pull: PullRequest) -> IssueComment | None:
    """The bot's comment; one that a person wrote with the same marker is somebody's text and not it."""
    return marked(pull.get_issue_comments(), _mark(pull))


def _mark(pull: PullRequest) -> str:
    return mark("comment", pull.base.repo.full_name, pull.number)


def read_parts(body: str) -> dict[str, str]:
    """The parts of a comment, by name."""
    return dict(_PART.findall(body))


def compose(parts: dict[str, str], opening: str) -> str:
    """A comment from its parts, without the empty ones; the longest are cut until it fits.

    Args:
        opening: the mark that the comment begins with.
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
    """At most `limit` characters of a part, cut at a line, with the folds that were open closed."""
    room = limit - len(_CUT)
    while True:
        kept = text[: text.rfind("\n", 0, max(room, 0)) + 1]
        closed = kept + "</details>\n" * (kept.count("<details>") - kept.count("</details>"))
        if len(closed) + len(_CUT) <= limit:
            return closed + _CUT
        room -= len(closed) + len(_CUT) - limit
