"""Rules for attribution.txt: the authors of a leaf's content, and its licence."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from bot.lint.findings import Severity
from bot.lint.leaf_view import ATTRIBUTION, QNA, START, LeafView
from bot.lint.rule import Example, Problems, leaf_rule
from bot.taxonomy.parsed import Place, Problem

_LICENCE = re.compile(r"^[ \t]*+licen[cs]e[^:\n]*+:[ \t]*+([^\n]*)$", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(r"^([^:\n]++):[ \t]*+(\S?)", re.MULTILINE)
_JOINED = re.compile(r"[()]|\bAND\b|\bOR\b")

MOST = 20
"""Maximum number of licences per file that are checked."""
_LINES = "Title of work, Link to work, Revision, License of the work, Creator names"


@leaf_rule(
    "attribution-missing",
    Severity.ERROR,
    "A leaf must have an attribution.txt next to its qna.yaml.",
    "Users of the released model may need to know whose work it was trained on.",
    Example("", "qna.yaml", "qna.yaml, attribution.txt"),
)
def attribution_missing(leaf: LeafView) -> Problems:
    if leaf.version > 1 and f"{leaf.path}/{ATTRIBUTION}" not in leaf.files.entries:
        message = f"this leaf has no {ATTRIBUTION}"
        hint = f"add {ATTRIBUTION} next to {QNA}, with the lines {_LINES}"
        yield QNA, Problem("attribution-missing", START, message, hint)


@leaf_rule(
    "attribution-empty",
    Severity.ERROR,
    "attribution.txt must not be empty.",
    "An empty file does not name the authors or the licence.",
    Example(ATTRIBUTION, "", "Title of work: Oru"),
)
def attribution_empty(leaf: LeafView) -> Problems:
    if leaf.version > 1 and leaf.attribution is not None and not leaf.attribution.strip():
        hint = f"name the source of the content, with the lines {_LINES}"
        yield ATTRIBUTION, Problem("attribution-empty", START, "the file is empty", hint)


@leaf_rule(
    "attribution-licence",
    Severity.ERROR,
    "attribution.txt must name an allowed licence by its SPDX identifier.",
    "The released model redistributes what it learned, and not every licence permits that. The setting "
    "`lint.licences` in arborist.yaml lists the allowed licences.",
    Example(ATTRIBUTION, "License of the work: CC BY 4.0", "License of the work: CC-BY-4.0"),
)
def attribution_licence(leaf: LeafView) -> Problems:
    text = leaf.attribution
    if leaf.version < 2 or text is None or not text.strip():
        return
    named, licences = list(_LICENCE.finditer(text)), leaf.settings.licences
    if not named:
        hint = f"add a line `License of the work: {licences[0]}`; allowed licences: {', '.join(licences)}"
        yield ATTRIBUTION, Problem("attribution-licence", START, "there is no licence line", hint)
    for match in named[:MOST]:
        name = match.group(1).rstrip(" \t\r")
        if name.casefold() not in map(str.casefold, licences):
            place = _place(text, (match.start(1), match.start(1) + len(name)))
            message, hint, fix = _licence_problem(name, licences)
            if message:
                yield ATTRIBUTION, Problem("attribution-licence", place, message, hint, fix)


def _licence_problem(name: str, licences: Sequence[str]) -> tuple[str, str, str | None]:
    """Return what is wrong with a licence, how to fix it, and the replacement if it is certain.

    All are empty or None if the licence is allowed.
    """
    allowed = f"allowed licences: {', '.join(licences)}"
    if not name:
        return "the licence is empty", allowed, None
    known = _spdx(name) or _spdx(re.sub(r"[\s_]+", "-", name))
    if known is None:
        # A similar name may mean another licence, so it is only a suggestion and not an automatic fix.
        near = get_close_matches(name[:40], licences, 1, 0.8)
        message = f"{name[:80]!r} is not an SPDX licence identifier"
        return message, f"did you mean {near[0]}? {allowed}" if near else allowed, None
    if known in licences:
        return f"{name!r} is not the exact SPDX identifier", f"write {known}", known
    # All alternatives of an OR must be allowed, because nobody records which one was chosen.
    others = [part for part in map(str.strip, _JOINED.split(known)) if part and part not in licences]
    return (f"the licence {others[0]} is not allowed", allowed, None) if others else ("", "", None)


def _spdx(name: str) -> str | None:
    """Return a licence expression in canonical SPDX form; None if it is not valid."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return canonicalize_license_expression(name[:200])
    except InvalidLicenseExpression:
        return None


_FIELDS = {"Title of work": "title", "Link to work": "link", "Creator names": "creator"}


@leaf_rule(
    "attribution-field",
    Severity.WARNING,
    "attribution.txt should name the title, link and creators of the work.",
    "Most licences require them when the work is redistributed.",
    Example(ATTRIBUTION, "Link to work:", "Link to work: oru.md"),
)
def attribution_field(leaf: LeafView) -> Problems:
    text = leaf.attribution
    if leaf.version < 2 or text is None or not text.strip():
        return
    fields = list(_FIELD.finditer(text))
    for field, word in _FIELDS.items():
        first = next((match for match in fields if word in match.group(1).casefold()), None)
        if first is None or not first.group(2):
            place = _place(text, first.span(2)) if first else START
            message = f"the field {field!r} is {'missing' if first is None else 'empty'}"
            hint = f"add a line `{field}: …`" if first is None else "write it after the colon"
            yield ATTRIBUTION, Problem("attribution-field", place, message, hint)


def _place(text: str, span: tuple[int, int]) -> Place:
    line = text.count("\n", 0, span[0]) + 1
    before = text.rfind("\n", 0, span[0])
    return Place(line, span[0] - before, line, max(span[1], span[0] + 1) - before)
