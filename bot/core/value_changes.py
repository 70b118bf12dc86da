"""Changes between two values of plain data: which fields differ, and how."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from bot.core.store import canonical

ABSENT = "(absent)"
LONGEST = 160
"""Maximum number of characters of a value in a change."""
CONTEXT = 24
"""Characters that an excerpt has before and after the difference."""
MATCHED = 100
"""Lists up to this length are compared item by item, longer ones as sets of items."""


@dataclass(frozen=True)
class Change:
    """A field whose value differs.

    Attributes:
        field: the path of the field, such as `leaf.seeds[2].context`.
        before: the earlier value in one line; an excerpt around the difference if it is long.
    """

    field: str
    before: str
    after: str


def changes(before: Any, after: Any, field: str = "") -> Iterator[Change]:
    """Yield the fields that differ between two values of plain data."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in (*before, *(name for name in after if name not in before)):
            inner = f"{field}.{name}" if field else str(name)
            yield from changes(before.get(name, ABSENT), after.get(name, ABSENT), inner)
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        yield from _in_lists(before, after, field)
    else:
        yield Change(field, *_excerpts(_text(before), _text(after)))


def _in_lists(before: Sequence[Any], after: Sequence[Any], field: str) -> Iterator[Change]:
    old, new = [canonical(one) for one in before], [canonical(one) for one in after]
    if max(len(old), len(new)) > MATCHED:
        gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
        moved = "" if gone or come else " in another order"
        yield Change(
            field,
            f"{len(old)} items, {gone.total()} of them not after",
            f"{len(new)} items{moved}, {come.total()} of them not before",
        )
        return
    for kind, start, end, other_start, other_end in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            continue
        both = min(end - start, other_end - other_start)
        for place in range(both):
            inner = f"{field}[{start + place}]"
            yield from changes(before[start + place], after[other_start + place], inner)
        for place in range(start + both, end):
            yield Change(f"{field}[{place}]", _cut(_text(before[place])), ABSENT)
        for place in range(other_start + both, other_end):
            yield Change(f"{field}[{place}]", ABSENT, _cut(_text(after[place])))


def _text(value: Any) -> str:
    """Return a value in one line."""
    return " ".join((value if isinstance(value, str) else canonical(value)).split())


def _cut(text: str, length: int = LONGEST) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _excerpts(before: str, after: str) -> tuple[str, str]:
    """Return both texts, or of long texts what is around the difference."""
    if max(len(before), len(after)) <= LONGEST:
        return before, after
    start = max(0, _common_start(before, after) - CONTEXT)
    rest = max(0, _common_start(before[start:][::-1], after[start:][::-1]) - CONTEXT)

    def excerpt(text: str) -> str:
        middle = text[start : len(text) - rest]
        return _cut(f"{'…' if start else ''}{middle}{'…' if rest else ''}")

    return excerpt(before), excerpt(after)


def _common_start(one: str, other: str) -> int:
    """Return the number of characters with which both texts begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))
