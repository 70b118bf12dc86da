"""The one comment on a pull request: parts that are updated apart from each other."""

import re
from dataclasses import dataclass

from github.IssueComment import IssueComment
from github.PullRequest import PullRequest

LIMIT = 65_536
MARKER = "<!-- arborist:comment -->"
PARTS = ("release", "lint", "plan", "sample")
"""Parts in the order in which they stand; what is newest news to a reader comes first."""

_PART = re.compile(r"<!-- arborist:part (\w+) -->\n(.*?)\n<!-- arborist:end \1 -->", re.DOTALL)
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
    body = compose({**(read_parts(existing.body) if existing else {}), **parts})
    if existing is None:
        comment = pull.create_issue_comment(body)
        return Posted(comment.html_url, body)
    if existing.body != body:
        existing.edit(body)
    return Posted(existing.html_url, body)


def find_comment(pull: PullRequest) -> IssueComment | None:
    """The bot's comment; one that a person wrote with the same marker is somebody's text and not it."""
    for comment in pull.get_issue_comments():
        if comment.body.startswith(MARKER) and comment.user.type == "Bot":
            return comment
    return None


def read_parts(body: str) -> dict[str, str]:
    """The parts of a comment, by name."""
    return dict(_PART.findall(body))


def compose(parts: dict[str, str]) -> str:
    """A comment from its parts, without the empty ones; the longest are cut until it fits."""
    room = LIMIT - 1_000
    sizes = {name: len(text) for name, text in parts.items()}
    fair = room // max(len(parts), 1)
    lines = [MARKER]
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
