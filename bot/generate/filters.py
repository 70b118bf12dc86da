"""Filters: each looks at one candidate and says why it is not taken, or nothing.

A pipeline names the filters that it wants where it wants them; what they take is accounted for by name.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from bot.benchmarks import benchmark_of
from bot.generate.candidates import NO_ANSWER, REFUSED, SAFETY, Batch, Candidate
from bot.generate.exit_check import UNSAFE
from bot.generate.language import language_of
from bot.generate.text import common_end, common_start, key_words, names, stem, words
from bot.safety import unsafe_text
from bot.words import normal

Check = Callable[[Candidate, Batch], str | None]

REQUESTS = ("name", "tell", "give", "list", "say", "please")
INDIRECT = ("i would like to know", "let me know", "i wonder", "can you", "could you", "do you know")
"""These ask, too, where a question word follows."""
NUMBER_ASKED = re.compile(r"\b(year|when|date|how (many|much|long|high|old|far|tall|heavy))\b", re.IGNORECASE)
QUOTED = re.compile('["\u201c\u00ab]([^"\u201c\u201d\u00ab\u00bb]{3,})["\u201d\u00bb]')
NUMBER = re.compile(r"\d[\d.,]*")
LONGEST_QUESTION, LONGEST_ANSWER = 1_000, 8_000
"""Characters."""
NEAR = 96
"""From here on (rapidfuzz's ratio, of 100) texts of the same words differ by a letter or an article."""
NUMBERS = """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million half
    dozen january february march april may june july august september october november december
"""
NUMBER_WORDS = frozenset(NUMBERS.split())
"""What answers a question for a number or a date without a digit."""
SUPPORTED = 0.5
"""Share of an answer's words that its passage must have, where it is not the passage's own sentence."""
LITTLE = """
    answer call called could describe exactly explain find found give happen help hear kind know known let
    like list need please question remember remind say something sort task tell thing time type want wonder
    word would wish
"""
NOTHING = "a an are called can did do does is kind me the was were what which you your"
SAYS_LITTLE = frozenset(LITTLE.split())
"""Words that a question may gain without asking for something else."""
SAYS_NOTHING = frozenset(NOTHING.split())
"""Words that it may lose."""
VERBS = frozenset(("is", "are", "was", "were"))
OPEN = frozenset(("who", "what", "which", "where", "when", "how"))
"""What opens a question; where the seed has one of these verbs, so has the question then."""
POSSESSIVE = re.compile("['\u2019]s\\b")
LOOPS = re.compile(r"(\b\w[^\n]{5,60}?)(?:\W{1,20}+\1){2}", re.IGNORECASE)
"""The same words three times in a row."""


@dataclass(frozen=True)
class Filter:
    """A check and, in words for people, what it takes."""

    name: str
    takes: str
    check: Check


FILTERS: dict[str, Filter] = {}

OTHERS = {
    NO_ANSWER: "got no answer from the teacher",
    REFUSED: "was refused by the teacher",
    "round trip": "is answered otherwise when the teacher is asked anew",
    "duplicate": "was asked before",
    "unreadable": "is not in the form that was asked for",
    "unfaithful": "is answered with what the passage does not say, a judge finds",
    "irrelevant": "has nothing to do with what is taught, a judge finds",
    UNSAFE: "holds what must not be learnt: a secret, personal data, a token of a chat template",
    "beside the point": "is not what was asked, a judge finds",
}
"""What blocks take that are no filters."""


def takes(name: str) -> str:
    """What a filter or a block of this name takes, in words for the comment."""
    return FILTERS[name].takes if name in FILTERS else OTHERS.get(name, name)


def _filter(name: str, what: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        FILTERS[name] = Filter(name, what, check)
        return check

    return register


@_filter("format", "is not one whole sentence or task")
def _format(candidate: Candidate, batch: Batch) -> str | None:
    if not candidate.finished or len(words(batch.new_in(candidate))) < 2:
        return "not one whole sentence"
    return None


@_filter("question", "is neither a question nor a request")
def _question(candidate: Candidate, batch: Batch) -> str | None:
    asks = candidate.question.rstrip().endswith(("?", "\uff1f", "\u061f", "\u037e"))
    said = normal(candidate.question)
    indirect = said.startswith(INDIRECT) and OPEN & set(said.split())
    if not asks and not indirect and not said.startswith(REQUESTS):
        return "neither a question nor a request"
    return None


@_filter("length", "is too long")
def _length(candidate: Candidate, batch: Batch) -> str | None:
    if len(candidate.question) > LONGEST_QUESTION or len(candidate.answer) > LONGEST_ANSWER:
        return f"{len(candidate.question):,} and {len(candidate.answer):,} characters"
    return None


@_filter("language", "is in another language than the leaf")
def _language(candidate: Candidate, batch: Batch) -> str | None:
    found = [language_of([candidate.question]), language_of([candidate.answer])]
    others = [one.name for one in found if one and one != batch.language]
    return f"in {others[0]}, not {batch.language.name}" if others else None


@_filter("repeats", "says the same words again and again")
def _repeats(candidate: Candidate, batch: Batch) -> str | None:
    said = words(batch.new_in(candidate))
    loop = LOOPS.search(f"{candidate.question[:LONGEST_QUESTION]}\n{candidate.answer[:LONGEST_ANSWER]}")
    if loop:
        return f"says again and again: {loop[1]}"
    return "the same words again and again" if len(set(said)) < len(said) / 2 else None


@_filter("says twice", "says a word twice")
def _says_twice(candidate: Candidate, batch: Batch) -> str | None:
    more = Counter(words(candidate.question)) - Counter(words(candidate.text))
    twice = [word for word in more if words(candidate.question).count(word) > 1]
    return f"says {twice[0]} twice" if twice else None


@_filter("same", "is too near to a seed example")
def _same(candidate: Candidate, batch: Batch) -> str | None:
    asked = normal(batch.new_in(candidate))
    for seed, pair in batch.pairs:
        known = seed.context if batch.leaf.grounded and seed.context else pair.question
        if near(asked, normal(known)):
            return f"as the seed {known!r}"
    return None


@_filter("earlier", "is as one that came before it")
def _earlier(candidate: Candidate, batch: Batch) -> str | None:
    asked = normal(batch.new_in(candidate))
    if asked in batch.asked:
        return "as an earlier one"
    batch.asked.add(asked)
    return None


@_filter("names", "does not name what it is about")
def _names(candidate: Candidate, batch: Batch) -> str | None:
    said = set(words(candidate.question))
    missing = [name for name in candidate.names if not set(words(name)) <= said]
    return f"does not name {', '.join(missing)}" if missing else None


@_filter("keeps", "leaves out a part of what was asked")
def _keeps(candidate: Candidate, batch: Batch) -> str | None:
    """Little words count, too: "the bird Velmora" is not "the bird of Velmora"."""
    asked, said = (
        Counter(stem(word) for word in normal(re.sub(POSSESSIVE, " of", text)).split())
        for text in (candidate.text, candidate.question)
    )
    lost = [word for word in asked - said if word not in SAYS_NOTHING]
    if OPEN & said.keys() and sum(said[verb] for verb in (*VERBS, "will")) < sum(asked[v] for v in VERBS):
        lost.append("the verb")
    return f"leaves out {', '.join(lost)}" if lost else None


@_filter("adds", "asks for more than was asked")
def _adds(candidate: Candidate, batch: Batch) -> str | None:
    known = {stem(word) for word in words(candidate.text)}
    more = [w for w in words(candidate.question) if stem(w) not in known and w not in SAYS_LITTLE]
    return f"adds {', '.join(dict.fromkeys(more))}" if more else None


@_filter("borrowed", "is answered with what a seed says of something else")
def _borrowed(candidate: Candidate, batch: Batch) -> str | None:
    """Words of one seed's answer alone, which are not of the new task, have nothing to do with it."""
    answers = [set(words(pair.answer)) for _, pair in batch.pairs]
    said = set(words(candidate.answer)) - set(words(candidate.question))
    for answer, (_, pair) in zip(answers, batch.pairs, strict=True):
        own = answer - set().union(*(other for other in answers if other is not answer))
        if len(said & own) > 1:
            return f"as the seed {pair.question!r}: {candidate.answer}"
    return None


@_filter("kind", "asks for a number where the answer has none")
def _kind(candidate: Candidate, batch: Batch) -> str | None:
    answer = candidate.answer
    has_one = any(char.isdigit() for char in answer) or NUMBER_WORDS & set(normal(answer).split())
    if NUMBER_ASKED.search(candidate.question) and not has_one:
        return "asks for a number, and the answer has none"
    return None


@_filter("gives away", "holds its own answer")
def _gives_away(candidate: Candidate, batch: Batch) -> str | None:
    given = key_words(candidate.text, candidate.answer) & set(words(candidate.question))
    return f"holds the answer: {', '.join(sorted(given))}" if given else None


@_filter("grounded", "is answered with what its passage does not say")
def _grounded(candidate: Candidate, batch: Batch) -> str | None:
    """Numbers, names and quotations of the answer must stand in the passage, and half of its other words."""
    if not candidate.passage:
        return None
    source = f"{candidate.passage} {candidate.question} {' '.join(d.name for d in batch.leaf.documents)}"
    known, plain = set(words(source)), normal(source)
    numbers, there = [n.rstrip(".,") for n in NUMBER.findall(candidate.answer)], set(plain.split())
    wrong = [n for n in numbers if normal(n) not in there]
    wrong += [quote for quote in QUOTED.findall(candidate.answer) if normal(quote) not in plain]
    wrong += [name for name in names(candidate.answer, ()) if not set(words(name)) <= known]
    if wrong:
        return f"the passage does not have {', '.join(dict.fromkeys(wrong))}: {candidate.answer}"
    said = set(words(candidate.answer))
    if said and len(said & known) < SUPPORTED * len(said):
        return f"hardly a word of it is in the passage: {candidate.answer}"
    return None


@_filter("form", "is answered in another form than the seed examples")
def _form(candidate: Candidate, batch: Batch) -> str | None:
    form, said = _seed_form(batch), words(candidate.answer)
    if not candidate.finished or not set(said) - form:
        return f"not one whole answer: {candidate.answer}"
    return None if form <= set(said) else f"not in the form of the seeds' answers: {candidate.answer}"


@_filter("from the context", "is answered with what its context does not say")
def _from_the_context(candidate: Candidate, batch: Batch) -> str | None:
    own = set(words(candidate.answer)) - _seed_form(batch)
    return None if own <= set(words(candidate.passage or "")) else f"not in the context: {candidate.answer}"


@_filter("agreement", "is answered differently each time")
def _agreement(candidate: Candidate, batch: Batch) -> str | None:
    different = len({normal(answer) for answer in candidate.answers}) > 1
    return f"answered {' and '.join(candidate.answers)}" if different else None


@_filter("relevance", "gets an answer about something else")
def _relevance(candidate: Candidate, batch: Batch) -> str | None:
    """What is new in a task, compared with all seeds' tasks, must be spoken of in its answer."""
    about = set(words(candidate.question)) - {w for _, pair in batch.pairs for w in words(pair.question)}
    if about and not about & set(words(candidate.answer)):
        return f"says nothing of {', '.join(sorted(about))}: {candidate.answer}"
    return None


@_filter("echo", "is answered with the question itself")
def _echo(candidate: Candidate, batch: Batch) -> str | None:
    return "the answer is the question" if normal(candidate.answer) == normal(candidate.question) else None


@_filter("benchmark", "is an item of a known benchmark")
def _benchmark(candidate: Candidate, batch: Batch) -> str | None:
    benchmark = benchmark_of(candidate.question)
    return f"this is, or holds, an item of {benchmark}" if benchmark else None


@_filter(SAFETY, OTHERS[UNSAFE])
def _safety(candidate: Candidate, batch: Batch) -> str | None:
    return unsafe_text(f"{candidate.question}\n{candidate.answer}", batch.approved)


def near(one: str, other: str) -> bool:
    """Whether two texts in normal form are one, but for a letter or an article.

    Their words must be the same: "today is Sunday" is not "today is Monday".
    """
    if fuzz.ratio(one, other) < NEAR:
        return False
    return {stem(word) for word in words(one)} == {stem(word) for word in words(other)}


def first_drop(candidate: Candidate, batch: Batch, filters: Sequence[str]) -> tuple[str, str] | None:
    """The name and the reason of the first filter that takes a candidate, or None."""
    for name in filters:
        reason = FILTERS[name].check(candidate, batch)
        if reason is not None:
            return name, reason
    return None


def _seed_form(batch: Batch) -> set[str]:
    """The words that all seed answers begin and end with."""
    answers = [pair.answer for _, pair in batch.pairs]
    return {*words(common_start(answers)), *words(common_end(answers))}
