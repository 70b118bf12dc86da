"""The errors of yamllint, configured with `{extends: relaxed, line-length: disable}`, for valid YAML files.

With this configuration only three rules can fail on a file that PyYAML accepts: trailing-spaces,
new-line-at-end-of-file and key-duplicates. All other rules only warn. Comments can disable each rule.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import yaml

from bot.taxonomy.parsed import Place, Problem

SPACES, END, KEYS = "trailing-spaces", "new-line-at-end-of-file", "key-duplicates"
_WHOLE_FILE = re.compile(r"#\s*yamllint disable-file\s*(\n|$)")
_DIRECTIVE = re.compile(r"# yamllint (disable-line|disable|enable)((?: rule:\S+)*)\s*$")

_STARTS = yaml.BlockMappingStartToken | yaml.FlowMappingStartToken
_LISTS = yaml.BlockSequenceStartToken | yaml.FlowSequenceStartToken
_ENDS = yaml.BlockEndToken | yaml.FlowMappingEndToken | yaml.FlowSequenceEndToken


@dataclass(frozen=True)
class _Comment:
    line: int
    alone: bool
    text: str


@dataclass
class _Switches:
    """Rules that comments have disabled: from the current line on (`off`) and for single lines (`off_at`)."""

    off: set[str] = field(default_factory=set)
    off_at: dict[int, set[str]] = field(default_factory=dict)

    def take(self, comment: _Comment) -> None:
        directive = _DIRECTIVE.match(comment.text)
        if directive is None:
            return
        rules = {name.removeprefix("rule:") for name in directive[2].split()} or {SPACES, END, KEYS}
        if directive[1] == "disable-line":
            self.off_at.setdefault(comment.line + comment.alone, set()).update(rules)
        elif directive[1] == "disable":
            self.off |= rules
        else:
            self.off -= rules


def errors_of(text: str, repeated: bool) -> list[Problem]:
    """Return yamllint's errors for a file, sorted by line.

    Args:
        text: the text that PyYAML parsed, without a byte-order mark, with line feeds as line ends.
        repeated: whether the file may have duplicate keys; if False, they are not searched for.
    """
    clean = text.endswith("\n") and " \n" not in text and "\t\n" not in text
    if clean and not repeated:
        return []
    found = [*_lines(text), *(_duplicates(text) if repeated else ())]
    found.sort(key=lambda problem: problem.place.line)
    if found and "yamllint" in text:
        return [] if _WHOLE_FILE.match(text) else list(_switched(found, text))
    return found


def _lines(text: str) -> Iterator[Problem]:
    for number, line_text in enumerate(text.split("\n"), 1):
        width = len(line_text.rstrip(" \t"))
        if width < len(line_text):
            place = Place(number, width + 1, number, len(line_text) + 1)
            yield Problem(SPACES, place, "this line has trailing spaces", "remove them", "")
    if not text.endswith("\n"):
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
        place = Place(line, column, line, column)
        yield Problem(
            END, place, "the file does not end with a newline", "press Enter at the end of the file"
        )


def _duplicates(text: str) -> Iterator[Problem]:
    """Find duplicate keys by their text: 1 and "1" are the same key, and aliases are not resolved."""
    open_keys: list[set[str] | None] = []
    for token, after in pairwise(yaml.scan(text, Loader=yaml.SafeLoader)):
        if isinstance(token, _STARTS):
            open_keys.append(set())
        elif isinstance(token, _LISTS):
            open_keys.append(None)
        elif isinstance(token, _ENDS):
            if open_keys:
                open_keys.pop()
        elif isinstance(token, yaml.KeyToken) and isinstance(after, yaml.ScalarToken):
            keys = open_keys[-1] if open_keys else None
            if keys is None:
                continue
            if after.value in keys and after.value != "<<":
                yield _duplicate(after, text)
            keys.add(after.value)


def _duplicate(token: yaml.ScalarToken, text: str) -> Problem:
    start = token.start_mark.index
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    place = Place(line, column, line, column + token.end_mark.index - start)
    return Problem(KEYS, place, f"duplicate key {token.value[:80]!r}", "remove one of them")


def _switched(problems: list[Problem], text: str) -> Iterator[Problem]:
    """Yield the problems whose rules are not disabled by a comment up to the end of their lines."""
    switches, comments = _Switches(), list(_comments(text))
    for problem in problems:
        line = problem.place.line
        while comments and comments[0].line <= line:
            switches.take(comments.pop(0))
        if problem.rule not in switches.off | switches.off_at.get(line, set()):
            yield problem


def _comments(text: str) -> Iterator[_Comment]:
    """Yield comments: the text from a # on, between two tokens that are not on the same line."""
    for token, after in pairwise(yaml.scan(text, Loader=yaml.SafeLoader)):
        start, end = token.end_mark, after.start_mark
        outermost = isinstance(token, yaml.StreamStartToken) or isinstance(after, yaml.StreamEndToken)
        if start.line == end.line and not outermost:
            continue
        for number, line in enumerate(text[start.index : end.index].split("\n")):
            if "#" in line:
                same = number == 0 and text[start.index - 1] != "\n"
                alone = isinstance(token, yaml.StreamStartToken) or not same
                yield _Comment(start.line + number + 1, alone, line[line.index("#") :])
