"""Number words: "zweihundertdreiundvierzig" and 二百四十三 are 243."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from bot.text.language import Language
from bot.text.tokens import any_of
from bot.text.words import HANGUL, LETTER, PARTICLES, normal

DIGITS = 15
"""The longest number, in digits; longer ones are no quantities."""
DISTANCE = 12
"""Most characters between two parts of one number."""


class Part(NamedTuple):
    """One word of a number, or a number in digits.

    Attributes:
        multiplies: whether the value multiplies what stands before it, as "hundred" does.
    """

    start: int
    end: int
    value: int | Decimal
    multiplies: bool


def numbers_in(text: str, language: Language) -> set[int]:
    """Return the numbers above 1 that a normalized text has in words, or in digits with a word: 12 million.

    The word for 1 is also an article or a pronoun in most languages, so it does not count.
    """
    return {int(value) for run in _runs(text, language) for value in values_of(run)} - {0, 1}


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
    values = values_of(runs[0])
    return int(values[0]) if len(values) == 1 and values[0] > 1 else None


def _runs(text: str, language: Language) -> Iterator[list[Part]]:
    """Yield the number words of a text, those of one number together."""
    pattern, values = number_words(rf"[0-9]{{1,{DIGITS}}}", language)
    if not values:
        return
    run: list[Part] = []
    for match in pattern.finditer(text):
        value, multiplies = values.get(match[0]) or (int(match[0]), False)
        part = Part(*match.span(), value, multiplies)
        if run and not joins(text[run[-1].end : part.start], language):
            yield from _whole(text, run, language)
            run = []
        run.append(part)
    yield from _whole(text, run, language)


def joins(between: str, language: Language) -> bool:
    """Whether two parts of one number may have this text between them."""
    inner = between.strip()
    return len(between) <= DISTANCE and (not inner or inner in language.words("joiners"))


def _whole(text: str, run: list[Part], language: Language) -> Iterator[list[Part]]:
    """Yield a run unless it is part of a word, as "acht" of "Achtung" is, or has no word."""
    if not run or all(text[part.start : part.end].isdecimal() for part in run):
        return
    if is_whole(text, run[0].start, run[-1].end, language):
        yield run


def is_whole(text: str, start: int, end: int, language: Language) -> bool:
    """Whether a number that is written in words is not part of another word.

    A Korean number of two syllables or more may be followed by a counter and a particle, as in 이십삼년에.
    """
    if not language.data.get("spaced"):
        return True
    if re.search(f"{LETTER}$", text[max(0, start - 1) : start]):
        return False
    if HANGUL.match(text[end - 1]) and end - start > 1:
        return _counted(language).match(text, end) is not None
    return re.match(LETTER, text[end : end + 1]) is None


def values_of(run: Sequence[Part]) -> list[int | Decimal]:
    """Return the numbers that consecutive number words say: "twenty-one" is one, "two, three" are two."""
    digits = all(part.value < 10 and not part.multiplies for part in run)
    if len(run) > 1 and digits and all(one.end == two.start for one, two in pairwise(run)):
        return [int("".join(str(part.value) for part in run[:DIGITS]))]  # 一九六八
    found: list[int | Decimal] = []
    terms: list[int | Decimal] = []
    for part in run:
        if part.multiplies:
            below: int | Decimal = 0
            while terms and terms[-1] < part.value:
                below += terms.pop()
            terms.append(min((below or 1) * part.value, 10**DIGITS))
        else:
            if terms and terms[-1] % 10 ** len(str(part.value)):
                found.append(sum(terms))
                terms = []
            terms.append(part.value)
    return [*found, sum(terms)]


@cache
def _counted(language: Language) -> re.Pattern[str]:
    """Return a pattern for what may follow a Korean number: a counter, a particle, both or neither."""
    return re.compile(f"(?:{any_of(language.words('counters'))})?{PARTICLES}(?!{LETTER})")


@cache
def number_words(digits: str, language: Language) -> tuple[re.Pattern[str], Mapping[str, tuple[int, bool]]]:
    """Return how numbers are found.

    Args:
        digits: a regular expression for numbers in digits.

    Returns:
        A pattern for one number word or a number in digits; and the value of each word, with whether it
        multiplies.
    """
    data = language.data
    values: dict[str, tuple[int, bool]] = {}
    for number, words in enumerate(data.get("numbers", "").split()):
        values |= {normal(word): (number, False) for word in words.split("|") if word != "-"}
    values |= {normal(word): (value, False) for word, value in data.get("hundreds", {}).items()}
    values |= {normal(word): (value, True) for word, value in data.get("larger", {}).items()}
    return re.compile("|".join([digits, *([any_of(values)] if values else [])])), values
