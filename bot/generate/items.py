"""What is asked of the teacher, item by item, and what becomes of an answer that is not taken."""

from dataclasses import dataclass

from bot.teachers import Response


@dataclass(frozen=True)
class Item:
    """One thing to ask the teacher for.

    Attributes:
        prompt: which prompt: `rephrase`, `ask` or `another`.
        text: the question to put in other words, or the sentence to ask about.
        answer: what the new question is to be answered with.
        passage: where that answer is from.
        begin: how the new question begins.
        source: which seed or passage it is made of.
        names: what of the text the new question must name.
    """

    prompt: str
    source: str
    text: str = ""
    answer: str = ""
    passage: str | None = None
    begin: str = ""
    names: tuple[str, ...] = ()


NO_ANSWER = "no answer"
"""The filter's name where the teacher could not be had, which another run may mend."""
REFUSED = "refused"
"""Likewise where it will not answer this, whenever it is asked."""


@dataclass(frozen=True)
class Drop:
    """A candidate that a filter took."""

    filter: str
    question: str
    reason: str


def unanswered(question: str, response: Response) -> Drop | None:
    """The drop of a candidate for which the teacher could not be had, or None."""
    if not response.failure:
        return None
    return Drop(NO_ANSWER if response.again else REFUSED, question, response.failure)
