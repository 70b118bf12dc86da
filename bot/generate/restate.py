"""An answer once more, begun with what the question asks for: "The metal is cobalt."

A student begins its answer with the question's words, whichever these were ("The stone is …"), and then has
to know how to go on. After one sentence that it learnt by heart it does not: knowledge can be drawn out in
other words only where it was seen in several forms (arXiv 2309.14316).
"""

import re
from collections.abc import Sequence

from bot.generate.text import WORD, key_words, sentences, stem, words
from bot.words import normal

QUESTION = re.compile(r"\b(which|what|who|whom|where|when|how)\b(?: (\w+))?", re.IGNORECASE)
# "What is the highest mountain on …", "What is the ferry of … called"
NAMED = re.compile(
    r"\bwhat (?:is|was) the ((?:\w+ ){0,2}?\w+) (?:of|on|in|at|for|from|called)\b", re.IGNORECASE
)
VERBS = "is are was were be been has have had can could will would must may might should"
OTHERS = "do does did shall the a an of in on to one two three four five six"
# After "what" and "which" these are not what is asked for.
NO_NOUNS = frozenset(f"{VERBS} {OTHERS}".split())
BEING = frozenset(VERBS.split())
# After "how" these ask for a number.
MEASURES = (
    "many",
    "much",
    "high",
    "old",
    "long",
    "tall",
    "deep",
    "far",
    "hot",
    "heavy",
    "wide",
    "often",
    "large",
)
ANSWERS = {"who": "person", "whom": "person", "where": "place"}
# Of longer answers, and where more than so many words are the answer's own, the part asked for is not plain.
PLAIN, LONGEST = 16, 5


def restated(question: str, answer: str, passage: str) -> str | None:
    """The answer in another form; None where the question does not say in English what it asks for.

    Args:
        answer: one sentence; of more, nothing is made.
        passage: where the answer is from.
    """
    asked = QUESTION.search(question)
    if not asked or len(sentences(answer)) != 1 or len(answer.split()) > PLAIN:
        return None
    asks, follows = asked[1].lower(), (asked[2] or "").lower()
    figures = _figures(question, answer) if asks in ("when", "how") or follows == "year" else []
    run = _figure(figures, question, answer) if figures else _own_words(question, answer)
    if not 0 < len(run) <= LONGEST:
        return None
    start, end = run[0].start(), run[-1].end()
    noun = _asked_for(question, asks, follows, answer[start:end])
    if noun is None or re.search(r"[\"\u201c;,:()]", answer[start:end]):
        return None
    after = WORD.match(answer, end + 1)
    # What it is called goes along: the Dolvane mine.
    if after and stem(normal(after[0])) == stem(noun.split()[-1]):
        end = after.end()
    return f"The {noun} is {_said(answer, start, end, passage)}."


def _asked_for(question: str, asks: str, follows: str, said: str) -> str | None:
    """What a question asks for, in its own words where it has some."""
    if asks in ("which", "what"):
        if follows and follows not in NO_NOUNS:
            return follows
        named = NAMED.search(question)
        if named and named[1].lower() not in ("name", "only"):
            return named[1].lower()
        return "name" if re.search(r"\b(?:call|called|name)\b", question) else "answer"
    if asks == "when":
        return "year" if re.fullmatch(r"\d{3,4}", said) else "time"
    if asks == "how":
        return "number" if follows in MEASURES else None
    return ANSWERS[asks]


def _figures(question: str, answer: str) -> list[re.Match[str]]:
    """The numbers in an answer that the question has not."""
    asked = WORD.findall(question)
    return [word for word in WORD.finditer(answer) if re.search(r"\d", word[0]) and word[0] not in asked]


def _figure(figures: Sequence[re.Match[str]], question: str, answer: str) -> list[re.Match[str]]:
    """The one number, and what follows of the answer's own words: 1312 metres; nothing if there are more."""
    if len(figures) != 1:
        return []
    place = figures[0].start()
    holding = (run for run in _runs(question, answer) if any(word.start() == place for word in run))
    return [word for word in next(holding, list(figures)) if word.start() >= place]


def _own_words(question: str, answer: str) -> list[re.Match[str]]:
    """What the answer adds to the question; nothing where it does so in more than one place."""
    runs = _runs(question, answer)
    if len(runs) != 1:
        return []
    run = runs[0]
    before = answer[: run[0].start()]
    # After a subject without a verb its first word is one: tessarite [glows amber].
    if len(run) > 1 and words(before) and run[0][0].islower() and not _has_verb(before, question):
        return run[1:]
    return run


def _runs(question: str, answer: str) -> list[list[re.Match[str]]]:
    """The words that an answer adds to a question, in rows; little words do not part them."""
    keys = {stem(word) for word in key_words(question, answer)}
    runs: list[list[re.Match[str]]] = [[]]
    for word in WORD.finditer(answer):
        carried = {stem(part) for part in words(word[0])}
        if carried & keys:
            runs[-1].append(word)
        elif carried:
            runs.append([])
    return [run for run in runs if run]


def _has_verb(text: str, question: str) -> bool:
    """Whether there is a form of "be" or the like in a text, or another form of a word of the question."""
    asked = words(question)
    bent = {word for word in words(text) if word not in asked and stem(word) in map(stem, asked)}
    return bool(bent or BEING & set(normal(text).split()))


def _said(answer: str, start: int, end: int, passage: str) -> str:
    """A part of the answer with its article, and in small letters where only the sentence's start was not."""
    said = answer[start:end]
    before = answer[:start].split()
    if before and before[-1].lower() in ("the", "a", "an"):
        return f"{before[-1].lower()} {said}"
    small = said[:1].lower() + said[1:]
    return small if start == 0 and re.search(rf"\b{re.escape(small)}\b", passage) else said
