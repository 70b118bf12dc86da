"""Marking of exam answers: check that an answer contains the required words."""

from collections.abc import Sequence

from bot.text.language import UNKNOWN, Language
from bot.text.numbers import number_of, numbers_in
from bot.text.words import holds


def is_right(answer: str, must_contain: Sequence[Sequence[str] | str], language: Language = UNKNOWN) -> bool:
    """Whether an answer contains each element of `must_contain`.

    Case, accents, punctuation, spacing and thousands separators are ignored, and a number may be written in
    digits or in words. Only whole words match: 1871 is not found in 18710.

    Args:
        must_contain: elements that are each a string, or a list of alternatives of which one is enough.
        language: the language of the exam.
    """
    normalized = language.normal(answer)
    figures = numbers_in(normalized, language)
    return all(
        any(
            _has(normalized, figures, language.normal(one), language)
            for one in ([element] if isinstance(element, str) else element)
        )
        for element in must_contain
    )


def _has(answer: str, figures: set[int], wanted: str, language: Language) -> bool:
    """Whether a normalized answer contains one alternative.

    Args:
        figures: the numbers that the answer has in words.
    """
    number = number_of(wanted, language)
    if number is None:
        return holds(answer, wanted)
    if number in figures or holds(answer, wanted if wanted.isdecimal() else str(number)):
        return True
    # In a script without spaces, 三 also stands in 二十三, which is another number.
    return bool(language.data.get("spaced")) and holds(answer, wanted)
