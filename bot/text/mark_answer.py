"""Marking of exam answers: what a right answer says, and whether an answer says it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.text.answer_pattern import found_in
from bot.text.language import UNKNOWN, Language
from bot.text.numbers import number_of, numbers_in
from bot.text.quantities import quantities_in
from bot.text.words import holds


@dataclass(frozen=True)
class Marking:
    """How the answers to an exam question are marked: a right answer meets all conditions that are given.

    Attributes:
        must_contain: tuples of alternatives; a right answer contains at least one alternative of each tuple.
        any_of: texts of which a right answer contains at least one.
        none_of: texts that make an answer wrong.
        number: a number that a right answer states.
        tolerance: the largest difference from `number`.
        matches: a regular expression that is found in a right answer.
        choices: the answers between which the model's log-probabilities decide.
        choice: the right one of them.
        judge: what a right answer must say, in words; a model judges that where `accepts` is true.
    """

    must_contain: tuple[tuple[str, ...], ...] = ()
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    number: float | None = None
    tolerance: float = 0
    matches: str = ""
    choices: tuple[str, ...] = ()
    choice: str = ""
    judge: str = ""

    def canonical(self) -> dict[str, Any]:
        """Return the conditions, for keys; without a judge, the keys are as before there were judges."""
        return {one: value for one, value in vars(self).items() if one != "judge" or value}

    def accepts(self, answer: str, language: Language = UNKNOWN) -> bool:
        """Return whether an answer is right, but for the condition of a judge.

        Args:
            answer: the text; of a question with choices, the one that the model chose.
            language: the language of the exam.
        """
        if self.choices:
            return answer == self.choice
        return (
            is_right(answer, self.must_contain, language)
            and (not self.any_of or any(mentions(answer, text, language) for text in self.any_of))
            and not any(mentions(answer, text, language) for text in self.none_of)
            and (not self.matches or found_in(self.matches, answer))
            and self._states_number(answer, language)
        )

    def _states_number(self, answer: str, language: Language) -> bool:
        """Whether one of the numbers in an answer is near enough to `number`."""
        if self.number is None:
            return True
        # The shortest decimals of a float are those that the exam has.
        number, tolerance = Decimal(str(self.number)), Decimal(str(self.tolerance))
        return any(abs(stated - number) <= tolerance for stated in quantities_in(answer, language))


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


def mentions(answer: str, text: str, language: Language = UNKNOWN) -> bool:
    """Whether an answer contains a text, as `is_right` finds it; articles make no difference."""
    if is_right(answer, [text], language):
        return True
    articles = language.words("articles")
    wanted = _without(articles, language.normal(text))
    return bool(articles) and holds(_without(articles, language.normal(answer)), wanted)


def _without(articles: Collection[str], text: str) -> str:
    """Remove the articles of a normalized text, except at its end: the a of "vitamin a" is no article."""
    *words, last = text.split() or [""]
    return " ".join([*(word for word in words if word not in articles), last])


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
