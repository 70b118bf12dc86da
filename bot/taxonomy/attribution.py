"""The works that attribution.txt names. People write its fields plain, bold, as bullets, or in brackets."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.taxonomy.files import Files, Unreadable
from bot.taxonomy.leaf import Work

ATTRIBUTION = "attribution.txt"
MAX_ATTRIBUTION_BYTES = 1_000_000
LONGEST_VALUE = 500
"""Maximum length of a value in characters; the rest is cut off."""
_LINE = re.compile(
    r"^[ \t>]*+(?:[-*+\u2022][ \t]++|\d{1,3}[.)][ \t]++)?[*_`\[]*+"
    r"([A-Za-z][^:=\n\]*`]{0,80}+)[\]*_`]*+[ \t]*+[:=]([^\n]*)$",
    re.MULTILINE,
)
_LINK = re.compile(r"\[([^\[\]\n]{1,200})\]\(([^()\n]{0,500})\)$")
_MARKS = " \t\r*_`[]<>"
_FOR_ALL = re.compile(r"\b(?:all|works|both)\b")


@dataclass(frozen=True)
class Field:
    """One field of an attribution.txt.

    Attributes:
        name: the field's name in lower case, without markup.
        value: the value without markup; "" if the field is empty.
        target: the target of the Markdown link that is the value; "" if it is none.
        line_start: the position of the field's line in the text.
        span: the position of the value in the text.
    """

    name: str
    value: str
    line_start: int
    span: tuple[int, int]
    target: str = ""

    @property
    def is_licence(self) -> bool:
        return re.match("licen[cs]e", self.name) is not None

    @property
    def is_licence_of_all(self) -> bool:
        """Whether the field is a licence of all works, such as "License of all works"."""
        return self.is_licence and _FOR_ALL.search(self.name) is not None

    @property
    def is_title(self) -> bool:
        return "title" in self.name

    @property
    def is_link(self) -> bool:
        return "link" in self.name

    @property
    def is_creators(self) -> bool:
        return "creator" in self.name or "author" in self.name


def fields_of(text: str) -> list[Field]:
    """Return the fields of an attribution.txt, in their order."""
    return [_field(match) for match in _LINE.finditer(text)]


def _field(match: re.Match[str]) -> Field:
    name = " ".join(match.group(1).replace("_", " ").casefold().split())
    whole = match.group(2)
    start = match.start(2) + len(whole) - len(whole.lstrip(" \t*_`<"))
    value = whole.lstrip(" \t*_`<")
    link = _LINK.match(value.rstrip())
    if link:
        span = (start + 1, start + 1 + len(link.group(1)))
        return Field(name, link.group(1), match.start(), span, link.group(2))
    start += len(value) - len(value.lstrip(_MARKS))
    value = value.strip(_MARKS)
    return Field(name, value, match.start(), (start, start + len(value)))


def works_of(fields: Sequence[Field]) -> list[list[Field]]:
    """Return the fields of each work: a second title begins the next work."""
    works: list[list[Field]] = [[]]
    for field in fields:
        if field.is_title and any(one.is_title for one in works[-1]):
            works.append([])
        works[-1].append(field)
    return works


def read_attribution(files: Files, leaf: str) -> tuple[Work, ...]:
    """Return the works that a leaf's attribution.txt names; () if it is missing or cannot be read.

    Args:
        leaf: the path of the leaf.
    """
    try:
        content = files.read(f"{leaf}/{ATTRIBUTION}", MAX_ATTRIBUTION_BYTES)
    except Unreadable:  # lint reports it
        return ()
    return works_in(content.decode("utf-8-sig", errors="replace"))


def works_in(text: str) -> tuple[Work, ...]:
    """Return the works that the text of an attribution.txt names.

    A work without a licence has the licence of all works, if there is one.
    """
    fields = [field for field in fields_of(text) if field.value]
    common = [field.value for field in fields if field.is_licence_of_all]
    found = []
    for own in works_of(fields):
        licences = [field.value for field in own if field.is_licence and not field.is_licence_of_all]
        work = Work(
            title=_joined(field.value for field in own if field.is_title),
            link=_joined(field.target or field.value for field in own if field.is_link),
            licence=_joined(licences or common, " AND "),
            creators=_joined(field.value for field in own if field.is_creators),
        )
        if work != Work():
            found.append(work)
    return tuple(found)


def _joined(values: Iterable[str], by: str = "; ") -> str:
    """Return different values as one text."""
    return by.join(dict.fromkeys(values))[:LONGEST_VALUE]
