"""The numbers that an answer states, with decimals, signs and halves: "twelve and a half" is 12.5."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache

from bot.text.language import Language
from bot.text.numbers import Part, is_whole, joins, number_words, values_of
from bot.text.questions import UNSPACED
from bot.text.tokens import any_of
from bot.text.words import HANGUL, LETTER, normal

DIGITS = r"[0-9]+(?:\.[0-9]+)*"
LONGEST = 30
"""The longest number in digits, in characters; longer ones are no quantities."""
HALF = Decimal("0.5")
PAUSE = "|"
"""Stands for a punctuation mark between words, which the normal form of a text does not have."""
_PAUSE = re.compile("[,;:.!?()](?=\\s|$)|[\u0964\u3001\u3002\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]")
_MARK = re.compile("(?<=[0-9])[.,](?=[0-9])")
_GLYPH = re.compile("[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2089\u2150-\u215f\u2189]")


def quantities_in(text: str, language: Language) -> frozenset[Decimal]:
    """Return the numbers that a text states, in digits or in words.

    The decimal mark and the separators between thousands are those of the language. Where the decimal mark is
    a comma, 3,125 counts both as decimals and as thousands. Digits that follow a letter, as in H2O, are no
    number.
    """
    plain = _PAUSE.sub(f" {PAUSE} ", _GLYPH.sub(_decimals_of_glyph, text))
    if language.data.get("decimal") != ",":
        return _stated(language.normal(plain), language)
    exchanged = _MARK.sub(lambda mark: "." if mark[0] == "," else ",", plain)
    return _stated(language.normal(plain), language) | _stated(normal(exchanged), language)


def _decimals_of_glyph(found: re.Match[str]) -> str:
    """Return a character such as ½ as decimals; raised and lowered digits are no numbers of their own."""
    value = unicodedata.numeric(found[0], 0.0)
    if value == int(value):
        return ""
    after_digit = found.start() > 0 and found.string[found.start() - 1].isdigit()
    return f"{value:.4f}"[1 if after_digit else 0 :]  # four decimals are never taken for thousands


def _stated(text: str, language: Language) -> frozenset[Decimal]:
    runs = list(_runs(text, _parts(text, language), language))
    return frozenset(value for place in range(len(runs)) for value in _values(text, runs, place, language))


def _parts(text: str, language: Language) -> list[Part]:
    """Return the number words of a normalized text, and its numbers in digits."""
    pattern, known = number_words(DIGITS, language)
    found: list[Part] = []
    for match in pattern.finditer(text):
        start, end = match.span()
        if match[0] in known:
            found.append(Part(start, end, *known[match[0]]))
        elif not _follows_letter(text, start) and end - start <= LONGEST:
            groups = match[0].split(".")
            whole = groups if len(groups) > 2 else [match[0]]  # 3.5.2024 is a date
            for one in whole:
                found.append(Part(start, start + len(one), Decimal(one), False))
                start += len(one) + 1
    return list(_outside_words(text, found, language))


def _follows_letter(text: str, start: int) -> bool:
    before = text[max(0, start - 1) : start]
    return bool(re.match(LETTER, before)) and not (UNSPACED.match(before) or HANGUL.match(before))


def _outside_words(text: str, parts: Sequence[Part], language: Language) -> Iterator[Part]:
    """Yield the parts without number words that are part of another word, as "cent" of "centime" is."""
    groups: list[list[Part]] = []
    for part in parts:
        between = text[groups[-1][-1].end : part.start] if groups else " "
        if " " not in between and (joins(between, language) or _is_point(between, language)):
            groups[-1].append(part)
        else:
            groups.append([part])
    for group in groups:
        start, end = group[0].start, group[-1].end
        whole = is_whole(text, start, end, language) or _half(language).match(text, end)
        yield from (part for part in group if whole or _in_digits(text, part))


def _in_digits(text: str, part: Part) -> bool:
    return text[part.start].isdecimal()


def _runs(text: str, parts: Sequence[Part], language: Language) -> Iterator[list[Part]]:
    """Yield the parts of each number together."""
    run: list[Part] = []
    for part in parts:
        if run and not _continues(text, run[-1], part, language):
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _continues(text: str, last: Part, part: Part, language: Language) -> bool:
    """Whether a part belongs to the same number as the part before it.

    A number in digits is continued by words that multiply it, and these by digits without a space. A comma is
    part of a number only after "thousand" and the like, in languages with spaces.
    """
    between = text[last.end : part.start]
    if _in_digits(text, part):
        return last.multiplies and not between
    if _in_digits(text, last):
        return joins(between, language) and part.multiplies
    comma = between.strip() == PAUSE and last.multiplies and bool(language.data.get("spaced"))
    return comma or joins(between, language)


def _values(text: str, runs: Sequence[list[Part]], place: int, language: Language) -> list[Decimal]:
    """Return the numbers of one run, with what the text beside it adds: a sign, decimals, a half."""
    run = runs[place]
    if place and _is_point(text[runs[place - 1][-1].end : run[0].start], language):
        return []  # the decimals of the run before
    *others, last = (Decimal(value) for value in values_of(run))
    following = runs[place + 1] if place + 1 < len(runs) else None
    if following and _is_point(text[run[-1].end : following[0].start], language):
        last = _with_decimals(last, following)
    elif _half(language).match(text, run[-1].end):
        last += HALF
    values = [*others, last]
    if _minus(language).search(text, max(0, run[0].start - LONGEST), run[0].start):
        values[0] = -values[0]
    return values


def _with_decimals(whole: Decimal, run: Sequence[Part]) -> Decimal:
    """Return a number with the digits after its decimal mark, which are read out: three point one four."""
    digits = [part for part in run if not part.multiplies]
    text = "".join(str(part.value) for part in digits)[:LONGEST]
    value = Decimal(f"{whole}.{text}") if text.isdecimal() and "." not in str(whole) else whole
    for part in run:
        value *= part.value if part.multiplies else 1
    return value


def _is_point(between: str, language: Language) -> bool:
    return between.strip() in language.words("point")


@cache
def _half(language: Language) -> re.Pattern[str]:
    """Return a pattern for the words that add a half to the number before them; it matches at their start."""
    phrases = [normal(phrase) for phrase in language.texts("half")]
    edge = f"(?!{LETTER})" if language.data.get("spaced") else ""
    return re.compile(f" ?{any_of(phrases)}{edge}" if phrases else "(?!)")


@cache
def _minus(language: Language) -> re.Pattern[str]:
    """Return a pattern for a sign or a word before a negative number; it matches at their end."""
    words = any_of(language.words("minus"))
    edge = f"(?<!{LETTER})" if language.data.get("spaced") else ""
    return re.compile(f"(?:{edge}{words} ?|-)$" if words else "-$")
