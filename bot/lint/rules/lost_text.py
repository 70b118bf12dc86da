"""The rule against text that YAML drops or changes without an error."""

import re
from collections.abc import Iterator
from itertools import pairwise

from bot.lint.findings import Severity
from bot.lint.leaf_view import EXAM, QNA, LeafView
from bot.lint.rule import Example, Problems, leaf_rule
from bot.taxonomy.parsed import Node, Parsed, Place, Problem

_OF_EXAMS = frozenset({"must_contain", "any_of", "none_of", "matches", "choices", "choice"})
_TEXTS = _OF_EXAMS | {"context", "question", "answer", "document_outline", "task_description"}
"""The keys whose values are sentences; a comment behind other values is usually meant as one."""
_HEADER = re.compile(r"[|>][-+0-9]{0,2}[ \t]+(#.*)")
_COMMENT = re.compile(r"[ \t]+(#.*)")
_SHARP = re.compile(r" #(?=[^\s#])| # ")
_LIST = re.compile(r"[ \t]*(?:[|]|[-*+] |\d{1,3}[.)] )")
_ENDS = " \t\r\"'"
_ESCAPED = re.compile(
    r"(?<!\\)(?:\\\\){0,50}(\\(?:[abefv][a-z]{2,}"
    r"|n(?:abla|eq|otin|u)\b|t(?:au|heta|imes|extbf|ext|riangle)\b|r(?:ho|ightarrow|angle)\b)"
    r"|\b[A-Z]:\\[abefnrtv][A-Za-z]+)"
)
_QUOTE = "put the whole text in double quotes, or below `|` on lines of their own"


@leaf_rule(
    "lost-text",
    Severity.WARNING,
    "Text should not be dropped or changed by YAML.",
    "Behind ` #` YAML reads a comment, and below `>` it joins lines: the model never sees what was written.",
    Example(QNA, "document_outline: The island #1 of the Grey Sea", "document_outline: The island of Oru"),
)
def lost_text(leaf: LeafView) -> Problems:
    for name, parsed in ((QNA, leaf.qna), (EXAM, leaf.exam)):
        if parsed is None or parsed.root is None:
            continue
        yield from ((name, problem) for problem in parsed.problems if problem.rule == "lost-text")
        lines = parsed.text.split("\n")
        for key, node in _scalars(parsed):
            yield from ((name, problem) for problem in _losses(key, node, lines))


def _scalars(parsed: Parsed) -> Iterator[tuple[str, Node]]:
    """Yield the text values of a file, each with the name of its key."""
    seen: set[int] = set()
    left: list[tuple[str, Node]] = [("", parsed.root)] if parsed.root else []
    while left:
        key, node = left.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if node.children:
            left += [(step if isinstance(step, str) else key, child) for step, child in node.children.items()]
        elif isinstance(node.value, str) and key in _TEXTS:
            yield key, node


def _losses(key: str, node: Node, lines: list[str]) -> Iterator[Problem]:
    """Yield what a text lost, by how it is written in the file."""
    place = node.place
    begin = lines[place.line - 1][place.column - 1 :]
    if begin[:1] in ("|", ">"):
        header = _HEADER.match(begin)
        if header and not begin[: header.start(1)].endswith(
            "  "
        ):  # two spaces: a comment that is meant as one
            yield _comment(
                place.line, place.column + header.start(1), header.group(1), "write it on the next line"
            )
    elif node.plain:
        end = lines[place.end_line - 1][place.end_column - 1 :]
        comment = _COMMENT.match(end)
        if comment and _SHARP.match(end) and not end.startswith("  "):
            yield _comment(place.end_line, place.end_column + comment.start(1), comment.group(1), _QUOTE)
    elif begin[:1] == '"':
        yield from _escapes(place, lines)
    if begin[:1] != "|":
        yield from _joined(node, lines)


def _comment(line: int, column: int, text: str, hint: str) -> Problem:
    place = Place(line, column, line, column + len(text.rstrip()))
    return Problem("lost-text", place, f"YAML reads {text[:60].rstrip()!r} as a comment and drops it", hint)


def _escapes(place: Place, lines: list[str]) -> Iterator[Problem]:
    """Yield the first backslash in double quotes that stands for a character, although a name follows."""
    for number in range(place.line, min(place.end_line, len(lines)) + 1):
        start = place.column if number == place.line else 0
        end = place.end_column - 1 if number == place.end_line else None
        found = _ESCAPED.search(lines[number - 1][start:end])
        if found:
            column = start + found.start(1) + 1
            message = f"{found.group(1)[:40]!r} is not kept: in double quotes, a backslash begins an escape"
            where = Place(number, column, number, column + len(found.group(1)))
            yield Problem("lost-text", where, message, "use single quotes, or write each backslash twice")
            return


def _joined(node: Node, lines: list[str]) -> Iterator[Problem]:
    """Yield the place where YAML joins the lines of a list or a table to one line."""
    place = node.place
    rows = lines[place.line : place.end_line]
    for number, (row, following) in enumerate(pairwise(rows)):
        if (
            _LIST.match(row)
            and _LIST.match(following)
            and f"{row.strip()} {following.strip(_ENDS)[:20]}" in node.raw
        ):
            line = place.line + number + 1
            column = len(row) - len(row.lstrip()) + 1
            where = Place(line, column, line, len(row.rstrip()) + 1)
            message = "YAML joins the lines of this list or table to one line"
            yield Problem("lost-text", where, message, "write the text below `|` instead")
            return
