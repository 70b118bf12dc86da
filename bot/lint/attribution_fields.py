"""The fields of an attribution.txt, as people write them: plain, bold, as bullets, or in brackets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(
    r"^[ \t>]*+(?:[-*+\u2022][ \t]++|\d{1,3}[.)][ \t]++)?[*_`\[]*+"
    r"([A-Za-z][^:=\n\]*`]{0,80}+)[\]*_`]*+[ \t]*+[:=]([^\n]*)$",
    re.MULTILINE,
)
_LINK = re.compile(r"\[([^\[\]\n]{1,200})\]\([^()\n]{0,500}\)$")
_MARKS = " \t\r*_`[]<>"


@dataclass(frozen=True)
class Field:
    """One field of an attribution.txt.

    Attributes:
        name: the field's name in lower case, without markup.
        value: the value without markup; "" if the field is empty.
        line_start: the position of the field's line in the text.
        span: the position of the value in the text.
    """

    name: str
    value: str
    line_start: int
    span: tuple[int, int]

    @property
    def is_licence(self) -> bool:
        return re.match("licen[cs]e", self.name) is not None

    @property
    def is_title(self) -> bool:
        return "title" in self.name


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
        return Field(name, link.group(1), match.start(), (start + 1, start + 1 + len(link.group(1))))
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
