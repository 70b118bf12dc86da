"""Restate an answer so that it begins with what the question asks for: "The metal is cobalt."

A trained model tends to begin its answer with the question's words ("The stone is …") and must then be able
to continue. A model that saw a fact in one sentence only cannot: knowledge can be extracted in other words
only if it was seen in several forms (arXiv 2309.14316).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.text.analysis import ENGLISH, WORD, key_words, sentences, stem, words
from bot.text.language import Language
from bot.text.words import normal

QUESTION = re.compile(r"\b(which|what|who|whom|where|when|how)\b(?: (\w+))?", re.IGNORECASE)
# "What is the highest mountain on …", "What is the ferry of … called"
NAMED = re.compile(
    r"\bwhat (?:is|was) the ((?:\w+ ){0,2}?\w+) (?:of|on|in|at|for|from|called)\b", re.IGNORECASE
)
VERBS = "is are was were be been has have had can could will would must may might should"
OTHERS = "do does did shall the a an of in on to one two three four five six"
# Words after "what" and "which" that are not the noun asked for.
NO_NOUNS = frozenset(f"{VERBS} {OTHERS}".split())
BEING = frozenset(VERBS.split())
# Words after "how" that ask for a number.
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
# Maximum numbers of words of the answer, and of its new words; in longer ones the part asked for is unclear.
PLAIN, LONGEST = 16, 5


def restated(question: str, answer: str, passage: str, spoken: Language = ENGLISH) -> str | None:
    """Restate an answer as "The … is …."

    Args:
        answer: the answer, one sentence.
        passage: the passage that the answer comes from.
        spoken: the leaf's language.

    Returns:
        The restated answer; None if the answer is longer, the question does not make clear what it asks for,
        or the file of the language does not say how to restate an answer.
    """
    if spoken != ENGLISH:
        return _restated_by(spoken, question, answer)
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
    # Include the noun if it follows the name: the Dolvane mine.
    if after and stem(normal(after[0])) == stem(noun.split()[-1]):
        end = after.end()
    return f"The {noun} is {_part(answer, start, end, passage)}."


def _restated_by(spoken: Language, question: str, answer: str) -> str | None:
    """Restate an answer as the file of a language says.

    Only new words that stand together are used, without a function word or article before or among them:
    an article would have to be inflected.
    """
    way = spoken.data.get("restatement")
    if not way or len(sentences(answer, spoken)) != 1 or len(answer.split()) > PLAIN:
        return None
    noun, pattern = _noun_by(way, question)
    known = {stem(word) for word in words(question, spoken)}
    new = [
        word
        for word in WORD.finditer(answer)
        if words(word[0], spoken) and not {stem(part) for part in words(word[0], spoken)} & known
    ]
    if not noun or not 0 < len(new) <= LONGEST:
        return None
    part = answer[new[0].start() : new[-1].end()]
    before = WORD.findall(answer[: new[0].start()])
    inflected = bool(before) and normal(before[-1]) in spoken.words("articles")
    if len(WORD.findall(part)) != len(new) or inflected or not re.fullmatch(pattern, part):
        return None
    return str(way["sentence"]).replace("{{ noun }}", noun).replace("{{ answer }}", part)


def _noun_by(way: Mapping[str, Any], question: str) -> tuple[str, str]:
    """Return the noun that a question asks for, and a pattern for the answer's part; "" if unclear."""
    for key, pattern in (("year", r"\d{3,4}"), ("number", r"\d\S*(?: \w+)?")):
        if any(re.match(rf"[^\w]*{asked}\b", question, re.IGNORECASE) for asked in way.get(key, ())):
            return way[f"{key}_noun"], pattern
    first = WORD.search(question)
    # A name or a place in one to three words, each with a capital letter.
    nouns = {normal(word): noun for word, noun in way["nouns"].items()}
    return nouns.get(normal(first[0]) if first else "", ""), r"[^\W\d_a-z]\S*(?: [^\W\d_a-z]\S*){0,2}"


def _asked_for(question: str, asks: str, follows: str, part: str) -> str | None:
    """Return the noun that a question asks for, from the question if possible; None if unclear.

    Args:
        asks: the question word.
        follows: the word after it.
        part: the part of the answer that answers the question.
    """
    if asks in ("which", "what"):
        if follows and follows not in NO_NOUNS:
            return follows
        named = NAMED.search(question)
        if named and named[1].lower() not in ("name", "only"):
            return named[1].lower()
        return "name" if re.search(r"\b(?:call|called|name)\b", question) else "answer"
    if asks == "when":
        return "year" if re.fullmatch(r"\d{3,4}", part) else "time"
    if asks == "how":
        return "number" if follows in MEASURES else None
    return ANSWERS[asks]


def _figures(question: str, answer: str) -> list[re.Match[str]]:
    """Return the numbers in an answer that are not in the question."""
    asked = WORD.findall(question)
    return [word for word in WORD.finditer(answer) if re.search(r"\d", word[0]) and word[0] not in asked]


def _figure(figures: Sequence[re.Match[str]], question: str, answer: str) -> list[re.Match[str]]:
    """Return the number and the new words after it ("1312 metres"); [] if there are several numbers."""
    if len(figures) != 1:
        return []
    place = figures[0].start()
    holding = (run for run in _runs(question, answer) if any(word.start() == place for word in run))
    return [word for word in next(holding, list(figures)) if word.start() >= place]


def _own_words(question: str, answer: str) -> list[re.Match[str]]:
    """Return the words that the answer adds to the question; [] if they are in more than one place."""
    runs = _runs(question, answer)
    if len(runs) != 1:
        return []
    run = runs[0]
    before = answer[: run[0].start()]
    # After a subject without a verb, the first new word is the verb: tessarite [glows amber].
    if len(run) > 1 and words(before) and run[0][0].islower() and not _has_verb(before, question):
        return run[1:]
    return run


def _runs(question: str, answer: str) -> list[list[re.Match[str]]]:
    """Return the runs of consecutive words that an answer adds to a question; stop words do not end a run."""
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
    """Whether a text has an auxiliary verb, or another inflection of a word of the question."""
    asked = words(question)
    inflected = {word for word in words(text) if word not in asked and stem(word) in map(stem, asked)}
    return bool(inflected or BEING & set(normal(text).split()))


def _part(answer: str, start: int, end: int, passage: str) -> str:
    """Return a part of the answer, with its article.

    At the start of the sentence it becomes lower case if the passage contains it in lower case.
    """
    part = answer[start:end]
    before = answer[:start].split()
    if before and before[-1].lower() in ("the", "a", "an"):
        return f"{before[-1].lower()} {part}"
    lower = part[:1].lower() + part[1:]
    return lower if start == 0 and re.search(rf"\b{re.escape(lower)}\b", passage) else part
