"""Questions made by rule about a sentence: the words of the sentence answer them.

The rules are data, one file for each language in `sentence_questions/`. They cover the plain sentences of an
encyclopedia (who built something, when, where it stands, how many it has) and leave all others alone: a rule
that is unsure asks nothing. To make many questions and rank them, as Heilman and Smith do (2010, "Good
Question! Statistical Ranking for Question Generation"), needs a trained ranker; here each rule is strict.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import yaml

from bot.text.analysis import WORD, words
from bot.text.language import Language
from bot.text.words import normal

FOLDER = Path(__file__).with_name("sentence_questions")
# What separates clauses that may each be a sentence.
CLAUSES = re.compile(r"[;:] |, (?:and|but|und|aber) ")
OF_A_SENTENCE, LONGEST = 2, 400
"""Maximum numbers of questions about one sentence, and of characters of a sentence that is asked about."""


@dataclass(frozen=True)
class Asked:
    """A question about a sentence.

    Attributes:
        wanted: the part of the sentence that the question asks for.
    """

    question: str
    wanted: str


@dataclass(frozen=True)
class Rules:
    """The content of a language's file.

    Attributes:
        rules: the pattern of a sentence's beginning, and the form of the question.
        not_within: words that a subject does not have.
        not_first: words that a subject does not begin with.
    """

    rules: tuple[tuple[re.Pattern[str], str], ...]
    not_within: frozenset[str]
    not_first: frozenset[str]


def questions_about(sentence: str, title: str, names: Collection[str], spoken: Language) -> list[Asked]:
    """Return questions that a sentence answers; none if the language has no file or no rule fits.

    Args:
        title: the title of the document; a question that cannot be understood alone begins with it.
        names: words that keep their capital letter within a sentence.
    """
    rules, found = rules_of(spoken.code), dict[str, Asked]()
    if rules is None or len(sentence) > LONGEST:
        return []
    for clause, (pattern, form) in product(CLAUSES.split(sentence.rstrip(".!? ")), rules.rules):
        match = pattern.match(clause)
        if match and _is_subject(match.groupdict().get("subject"), rules):
            groups = {name: _within(part, names, spoken) for name, part in match.groupdict("").items()}
            question = _named(form.format(**groups), title, names, spoken)
            found.setdefault(normal(question), Asked(question, match["answer"]))
    return list(found.values())[:OF_A_SENTENCE]


@cache
def rules_of(code: str) -> Rules | None:
    """Return the rules of a language; None if it has no file.

    Args:
        code: ISO 639-1 code of the language.
    """
    file = FOLDER / f"{code}.yaml"
    if not code or not file.is_file():
        return None
    data = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    rules = tuple(
        (re.compile(_whole(one["sentence"], data["parts"])), one["question"]) for one in data["questions"]
    )
    return Rules(rules, frozenset(data["not_within"].split()), frozenset(data["not_first"].split()))


def _whole(pattern: str, parts: Mapping[str, str]) -> str:
    """Return a pattern with its parts filled in."""
    while "{{" in pattern:
        pattern = re.sub(r"\{\{(\w+)\}\}", lambda part: parts[part[1]], pattern)
    return pattern


def _is_subject(text: str | None, rules: Rules) -> bool:
    """Return whether a part of a sentence can be its subject; None is no part, and fits."""
    if text is None:
        return True
    first, *others = [word.casefold() for word in WORD.findall(text)] or [""]
    return first not in rules.not_first and not rules.not_within.intersection((first, *others))


def _within(part: str, names: Collection[str], spoken: Language) -> str:
    """Return the beginning of a sentence as it is written within one."""
    first = WORD.match(part)
    keeps = first is None or first[0] in names
    nouns = (
        spoken.data.get("capitals") == "nouns" and first and normal(first[0]) not in spoken.words("articles")
    )
    return part if keeps or nouns else part[0].lower() + part[1:]


def _named(question: str, title: str, names: Collection[str], spoken: Language) -> str:
    """Return a question that can be understood alone: it names something, or begins with the title."""
    question = " ".join(question.split())
    question = question[0].upper() + question[1:]
    asked, about = words(question, spoken), words(title, spoken)
    if spoken.data.get("capitals") == "names":
        dates = spoken.words("date_words")
        named = any(word in names and normal(word) not in dates for word in WORD.findall(question)[1:])
        complete = named or set(about) <= set(asked)
    else:
        complete = not set(about).isdisjoint(asked)
    if complete or not title:
        return question
    return f"{title}: {question}"
