"""Bring leaves of schema versions 1 and 2 to the newest version, where that needs no decision."""

import re

from bot.taxonomy.leaf import Kind
from bot.taxonomy.parse import parse
from bot.taxonomy.parsed import Parsed
from bot.taxonomy.schema import NEWEST, check_qna, version_of

_VERSION = re.compile(r"(?m)^version[ \t]*:[^\n#]*")
_FIRST_KEY = re.compile(r"(?m)^(?=[A-Za-z_])")


class NeedsDecision(Exception):
    """A leaf cannot be upgraded mechanically. The message says what a person has to do."""


def upgraded(content: bytes, kind: Kind) -> bytes | None:
    """Return a qna.yaml in the newest version; None if it is in that version already.

    Only the version's line changes.

    Raises:
        NeedsDecision: the file is not valid in the newest version.
    """
    parsed = parse(content)
    if parsed.root is None or not isinstance(parsed.data, dict):
        raise NeedsDecision(_first(parsed, kind))
    if version_of(parsed.data) == NEWEST and "version" in parsed.data:
        return None
    if kind == "knowledge":
        raise NeedsDecision(f"version {NEWEST} of knowledge needs a document, and contexts from it")
    text = content.decode("utf-8")
    line = f"version: {NEWEST}"
    if "version" in parsed.data:
        text = _VERSION.sub(line, text, count=1)
    else:
        text = _FIRST_KEY.sub(f"{line}\n", text, count=1)
    new = text.encode()
    after = parse(new)
    problem = _first(after, kind)
    if problem:
        raise NeedsDecision(problem)
    if _rest(after) != _rest(parsed):
        raise NeedsDecision(f"the line of the version cannot be found; write {line} by hand")
    return new


def _rest(parsed: Parsed) -> dict[str, object]:
    return {name: value for name, value in parsed.data.items() if name != "version"}


def _first(parsed: Parsed, kind: Kind) -> str:
    """Return the first problem of a file; "" if it has none."""
    problems = [*parsed.problems, *(check_qna(parsed, kind) if parsed.root else ())]
    if not problems:
        return ""
    first = min(problems, key=lambda problem: (problem.place.line, problem.place.column))
    return f"{first.message}; {first.help}"
