"""What is asked of the teacher, item by item, and what becomes of an answer that is not taken."""

from dataclasses import dataclass


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


@dataclass(frozen=True)
class Drop:
    """A candidate that a filter took."""

    filter: str
    question: str
    reason: str
