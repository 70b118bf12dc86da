"""Rules for attribution.txt: the authors of a leaf's content, and its licence."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from bot.lint.findings import Severity
from bot.lint.leaf_view import QNA, START, LeafView
from bot.lint.rule import Example, Problems, leaf_rule
from bot.taxonomy.attribution import ATTRIBUTION, Field, fields_of, works_of
from bot.taxonomy.parsed import Place, Problem

_JOINED = re.compile(r"[()]|\bAND\b|\bOR\b")

MOST = 20
"""Maximum number of licences per file that are checked."""
_LINES = "Title of work, Link to work, Revision, License of the work, Creator names"
_ASK = (
    "write `License of the work: …` with the SPDX name of the work's own licence (Wikipedia: CC-BY-SA-4.0); "
    "for your own work, choose an allowed licence"
)
_PUBLIC = re.compile(r"\bpublic[\s_-]*+domain\b|^pd$|\bpdm\b", re.IGNORECASE)
_IN_PUBLIC = (
    "if the author gave up all rights, write CC0-1.0; if the rights have expired or never existed, write "
    "LicenseRef-Public-Domain, which a maintainer must first allow in `lint.licences` of arborist.yaml"
)


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
    if leaf.version > 1 and leaf.attribution is not None and not _filled(leaf.attribution):
        message = "no field is filled in" if leaf.attribution.strip() else "the file is empty"
        hint = f"name the source of the content, with the lines {_LINES}; {_ASK}"
        yield ATTRIBUTION, Problem("attribution-empty", START, message, hint)


def _filled(text: str) -> bool:
    """Return whether an attribution.txt says anything: a template with empty fields does not."""
    fields = fields_of(text)
    return any(field.value for field in fields) or len(re.findall(r"\S[^\n]*", text)) > len(fields)


@leaf_rule(
    "attribution-licence",
    Severity.ERROR,
    "attribution.txt must name an allowed licence by its SPDX identifier.",
    "The released model redistributes what it learned, and not every licence permits that. The setting "
    "`lint.licences` in arborist.yaml lists the allowed licences.",
    Example(ATTRIBUTION, "License of the work: CC BY 4.0", "License of the work: CC-BY-4.0"),
)
def attribution_licence(leaf: LeafView) -> Problems:
    text, allowed = leaf.attribution, leaf.settings.licences
    if leaf.version < 2 or text is None or not _filled(text):
        return
    fields = fields_of(text)
    named = [field for field in fields if field.is_licence]
    if not named:
        hint = f"{_ASK}; allowed licences: {', '.join(allowed)}"
        yield ATTRIBUTION, Problem("attribution-licence", START, "there is no licence line", hint)
    for field in named[:MOST]:
        if field.value.casefold() not in map(str.casefold, allowed):
            message, hint, fix = _licence_problem(field.value, allowed)
            if message:
                place = _place(text, field.span)
                yield ATTRIBUTION, Problem("attribution-licence", place, message, hint, fix)
    for title in _unlicensed(fields) if named else []:
        message = f"the work {title.value[:80]!r} has no licence"
        place = _place(text, (title.line_start, title.span[1]))
        yield ATTRIBUTION, Problem("attribution-licence", place, message, f"in its lines, {_ASK}")


def _unlicensed(fields: Sequence[Field]) -> list[Field]:
    """Return the titles of works that have no licence line, if each work has lines of its own."""
    licences = [field for field in fields if field.is_licence]
    works = works_of(fields)
    # A licence line such as "License of all works" is for all of them.
    if len(licences) >= len(works) or any(one.is_licence_of_all for one in licences):
        return []
    bare = [work for work in works if not any(field.is_licence for field in work)]
    return [next(field for field in work if field.is_title) for work in bare if len(work) > 1][:MOST]


def _licence_problem(name: str, licences: Sequence[str]) -> tuple[str, str, str | None]:
    """Return what is wrong with a licence, how to fix it, and the replacement if it is certain.

    All are empty or None if the licence is allowed.
    """
    allowed = f"allowed licences: {', '.join(licences)}"
    if not name:
        return "the licence is empty", f"{_ASK}; {allowed}", None
    if _PUBLIC.search(name[:200]):
        return f"{name[:80]!r} is not an SPDX licence identifier", f"{_IN_PUBLIC}; {allowed}", None
    known = _spdx(name) or _spdx(re.sub(r"[\s_]+", "-", name))
    if known is None:
        # A similar name may mean another licence, so it is only a suggestion and not an automatic fix.
        near = get_close_matches(name[:40], licences, 1, 0.8)
        message = f"{name[:80]!r} is not an SPDX licence identifier"
        return message, f"did you mean {near[0]}? {allowed}" if near else f"{_ASK}; {allowed}", None
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


_FIELDS = {"Title of work": ("title",), "Link to work": ("link",), "Creator names": ("creator", "author")}


@leaf_rule(
    "attribution-field",
    Severity.WARNING,
    "attribution.txt should name the title, link and creators of the work.",
    "Most licences require them when the work is redistributed.",
    Example(ATTRIBUTION, "Link to work:", "Link to work: oru.md"),
)
def attribution_field(leaf: LeafView) -> Problems:
    text = leaf.attribution
    if leaf.version < 2 or text is None or not _filled(text):
        return
    fields = fields_of(text)
    for name, words in _FIELDS.items():
        first = next((field for field in fields if any(word in field.name for word in words)), None)
        if first is None or not first.value:
            place = _place(text, first.span) if first else START
            message = f"the field {name!r} is {'missing' if first is None else 'empty'}"
            hint = f"add a line `{name}: …`" if first is None else "write it after the colon"
            yield ATTRIBUTION, Problem("attribution-field", place, message, hint)


def _place(text: str, span: tuple[int, int]) -> Place:
    line = text.count("\n", 0, span[0]) + 1
    before = text.rfind("\n", 0, span[0])
    return Place(line, span[0] - before, line, max(span[1], span[0] + 1) - before)
