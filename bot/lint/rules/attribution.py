"""attribution.txt: whose work a leaf is, and under which licence."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from bot.lint.findings import Severity
from bot.lint.rules import Example, Problems, leaf_rule
from bot.lint.view import ATTRIBUTION, QNA, START, LeafView
from bot.taxonomy.parsed import Place, Problem

_LICENCE = re.compile(r"^[ \t]*+licen[cs]e[^:\n]*+:[ \t]*+([^\n]*)$", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(r"^([^:\n]++):[ \t]*+(\S?)", re.MULTILINE)
_JOINED = re.compile(r"[()]|\bAND\b|\bOR\b")


MOST = 20
"""Licences of one file that are told of."""
_LINES = "Title of work, Link to work, Revision, License of the work, Creator names"


@leaf_rule(
    "attribution-missing",
    Severity.ERROR,
    "Beside qna.yaml stands an attribution.txt.",
    "Who uses the released model may want to know whose work it learnt from.",
    Example("", "qna.yaml", "qna.yaml, attribution.txt"),
)
def attribution_missing(leaf: LeafView) -> Problems:
    if leaf.version > 1 and f"{leaf.path}/{ATTRIBUTION}" not in leaf.files.entries:
        message = f"there is no {ATTRIBUTION} for this leaf"
        yield (
            QNA,
            Problem("attribution-missing", START, message, f"add one beside it with the lines {_LINES}"),
        )


@leaf_rule(
    "attribution-empty",
    Severity.ERROR,
    "attribution.txt is not empty.",
    "An empty file says of nobody that it is their work.",
    Example(ATTRIBUTION, "", "Title of work: Oru"),
)
def attribution_empty(leaf: LeafView) -> Problems:
    if leaf.version > 1 and leaf.attribution is not None and not leaf.attribution.strip():
        mend = f"say whose work this is, with the lines {_LINES}"
        yield ATTRIBUTION, Problem("attribution-empty", START, "the file is empty", mend)


@leaf_rule(
    "attribution-licence",
    Severity.ERROR,
    "The licence is one that allows training and passing on, by its SPDX identifier.",
    "The released model passes on what it learnt; not every licence permits that.",
    Example(ATTRIBUTION, "License of the work: CC BY 4.0", "License of the work: CC-BY-4.0"),
)
def attribution_licence(leaf: LeafView) -> Problems:
    text = leaf.attribution
    if leaf.version < 2 or text is None or not text.strip():
        return
    named, licences = list(_LICENCE.finditer(text)), leaf.settings.licences
    if not named:
        mend = f"add a line `License of the work: {licences[0]}`; allowed are {', '.join(licences)}"
        yield ATTRIBUTION, Problem("attribution-licence", START, "no licence is named", mend)
    for match in named[:MOST]:
        name = match.group(1).rstrip(" \t\r")
        if name.casefold() not in map(str.casefold, licences):
            place = _place(text, (match.start(1), match.start(1) + len(name)))
            message, mend, fix = _licence_problem(name, licences)
            if message:
                yield ATTRIBUTION, Problem("attribution-licence", place, message, mend, fix)


def _licence_problem(name: str, licences: Sequence[str]) -> tuple[str, str, str | None]:
    """What is wrong with a licence, how to mend it, and what to write in its stead where that is sure."""
    allowed = f"allowed are {', '.join(licences)}"
    if not name:
        return "the licence is not named", allowed, None
    known = _spdx(name) or _spdx(re.sub(r"[\s_]+", "-", name))
    if known is None:
        # What is only near may be another licence, so nobody writes it unasked.
        near = get_close_matches(name[:40], licences, 1, 0.8)
        message = f"{name[:80]!r} is not the SPDX identifier of a licence"
        return message, f"did you mean {near[0]}? {allowed}" if near else allowed, None
    if known in licences:
        return f"{name!r} is not how SPDX calls it", f"write {known}", known
    # Of a choice (OR) too, all must be allowed: which one was chosen nobody can tell afterwards.
    others = [part for part in map(str.strip, _JOINED.split(known)) if part and part not in licences]
    return (
        (f"the licence {others[0]} is not one that is allowed", allowed, None) if others else ("", "", None)
    )


def _spdx(name: str) -> str | None:
    """A licence, or several in an expression, as SPDX writes them; None if it does not know them."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return canonicalize_license_expression(name[:200])
    except InvalidLicenseExpression:
        return None


_FIELDS = {"Title of work": "title", "Link to work": "link", "Creator names": "creator"}


@leaf_rule(
    "attribution-field",
    Severity.WARNING,
    "attribution.txt says title, link and creators of the work.",
    "Most licences ask for these when the work is passed on.",
    Example(ATTRIBUTION, "Link to work:", "Link to work: oru.md"),
)
def attribution_field(leaf: LeafView) -> Problems:
    text = leaf.attribution
    if leaf.version < 2 or text is None or not text.strip():
        return
    said = list(_FIELD.finditer(text))
    for field, word in _FIELDS.items():
        first = next((match for match in said if word in match.group(1).casefold()), None)
        if first is None or not first.group(2):
            place = _place(text, first.span(2)) if first else START
            mend = f"add a line `{field}: …`" if first is None else "write it behind the colon"
            yield ATTRIBUTION, Problem("attribution-field", place, f"there is no {field.lower()!r}", mend)


def _place(text: str, span: tuple[int, int]) -> Place:
    line = text.count("\n", 0, span[0]) + 1
    before = text.rfind("\n", 0, span[0])
    return Place(line, span[0] - before, line, max(span[1], span[0] + 1) - before)
