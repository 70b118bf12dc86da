"""Number words: "zweihundertdreiundvierzig" and 二百四十三 are 243."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from bot.text.language import Language
from bot.text.tokens import any_of
from bot.text.words import LETTER, normal

DIGITS = 15
"""The longest number, in digits; longer ones are no quantities."""
DISTANCE = 12
"""Most characters between two parts of one number."""


class _Part(NamedTuple):
    """One word of a number.

    Attributes:
        multiplies: whether the value multiplies what stands before it, as "hundred" does.
    """

    start: int
    end: int
    value: int
    multiplies: bool


def numbers_in(text: str, language: Language) -> set[int]:
    """Return the numbers above 1 that a normalized text has in words, or in digits with a word: 12 million.

    The word for 1 is also an article or a pronoun in most languages, so it does not count.
    """
    return {value for run in _runs(text, language) for value in _values(run)} - {0, 1}


def has_number_word(text: str, language: Language) -> bool:
    """Whether a normalized text has a number word, or a word of a date."""
    return any(_runs(text, language)) or bool(language.words("date_words") & set(text.split()))


def number_of(text: str, language: Language) -> int | None:
    """Return the number that a normalized text consists of, in digits or words; None if it is none."""
    if text.isdecimal() and len(text) <= DIGITS:
        return int(text)
    runs = list(_runs(text, language))
    if len(runs) != 1 or runs[0][0].start != 0 or runs[0][-1].end != len(text):
        return None
    values = _values(runs[0])
    return values[0] if len(values) == 1 and values[0] > 1 else None


def _runs(text: str, language: Language) -> Iterator[list[_Part]]:
    """Yield the number words of a text, those of one number together."""
    pattern, values, joiners = _vocabulary(language)
    if pattern is None:
        return
    run: list[_Part] = []
    for match in pattern.finditer(text):
        value, multiplies = values.get(match[0]) or (int(match[0]), False)
        part = _Part(*match.span(), value, multiplies)
        if run and not _joins(text[run[-1].end : part.start], joiners):
            yield from _whole(text, run, language)
            run = []
        run.append(part)
    yield from _whole(text, run, language)


def _joins(between: str, joiners: frozenset[str]) -> bool:
    return len(between) <= DISTANCE and (not between.strip() or between.strip() in joiners)


def _whole(text: str, run: list[_Part], language: Language) -> Iterator[list[_Part]]:
    """Yield a run unless it is part of a word, as "acht" of "Achtung" is, or has no word."""
    if not run or all(text[part.start : part.end].isdecimal() for part in run):
        return
    inside = re.match(LETTER, text[run[-1].end : run[-1].end + 1]) or re.search(
        f"{LETTER}$", text[max(0, run[0].start - 1) : run[0].start]
    )
    if not (inside and language.data.get("spaced")):
        yield run


def _values(run: list[_Part]) -> list[int]:
    """Return the numbers that consecutive number words say: "twenty-one" is one, "two, three" are two."""
    digits = all(part.value < 10 and not part.multiplies for part in run)
    if len(run) > 1 and digits and all(one.end == two.start for one, two in pairwise(run)):
        return [int("".join(str(part.value) for part in run[:DIGITS]))]  # 一九六八
    found: list[int] = []
    terms: list[int] = []
    for part in run:
        if part.multiplies:
            below = 0
            while terms and terms[-1] < part.value:
                below += terms.pop()
            terms.append(min(max(below, 1) * part.value, 10**DIGITS))
        else:
            if terms and terms[-1] % 10 ** len(str(part.value)):
                found.append(sum(terms))
                terms = []
            terms.append(part.value)
    return [*found, sum(terms)]


@cache
def _vocabulary(
    language: Language,
) -> tuple[re.Pattern[str] | None, Mapping[str, tuple[int, bool]], frozenset[str]]:
    """Return a pattern for one number word, the value of each and whether it multiplies, and the joiners."""
    data = language.data
    values: dict[str, tuple[int, bool]] = {}
    for number, words in enumerate(data.get("numbers", "").split()):
        values |= {normal(word): (number, False) for word in words.split("|") if word != "-"}
    values |= {normal(word): (value, False) for word, value in data.get("hundreds", {}).items()}
    values |= {normal(word): (value, True) for word, value in data.get("larger", {}).items()}
    if not values:
        return None, {}, frozenset()
    return re.compile(rf"[0-9]{{1,{DIGITS}}}|{any_of(values)}"), values, language.words("joiners")
