"""Filters: each checks one candidate and returns the reason to drop it, or None.

Pipeline files list the filters to apply by name. Dropped candidates are counted by filter.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from bot.generate.candidates import NO_ANSWER, REFUSED, SAFETY, Batch, Candidate
from bot.generate.exit_check import UNSAFE
from bot.generate.seed_shape import is_copy
from bot.text.analysis import common_end, common_start, key_words, names, stem, words
from bot.text.benchmarks import benchmark_of
from bot.text.detect import foreign
from bot.text.language import UNKNOWN, Language
from bot.text.numbers import has_number_word
from bot.text.safety import unsafe_text
from bot.text.words import holds, normal

Check = Callable[[Candidate, Batch], str | None]

QUOTED = re.compile('["\u201c\u00ab]([^"\u201c\u201d\u00ab\u00bb]{3,})["\u201d\u00bb]')
NUMBER = re.compile(r"\d+(?:\.\d+)*")
LONGEST_QUESTION, LONGEST_ANSWER = 1_000, 8_000
"""Maximum lengths in characters."""
NEAR = 96
"""Minimum similarity (rapidfuzz's ratio, 0 to 100) of texts that differ only by a letter or an article."""
SUPPORTED = 0.5
"""Minimum share of an answer's words that must occur in its passage."""
POSSESSIVE = re.compile("['\u2019]s\\b")
LOOPS = re.compile(r"(\b\w[^\n]{5,60}?)(?:\W{1,20}+\1){2}", re.IGNORECASE)
"""Matches a sequence of words that occurs three times in a row."""


@dataclass(frozen=True)
class Filter:
    """A filter: its name, its check, and a description that completes "The candidate …"."""

    name: str
    takes: str
    check: Check


FILTERS: dict[str, Filter] = {}

OTHERS = {
    NO_ANSWER: "got no answer from the teacher",
    REFUSED: "was rejected by the teacher",
    "round trip": "gets a different answer when the teacher is asked again",
    "duplicate": "repeats an earlier question",
    "unreadable": "is not in the requested format",
    "unfaithful": "has an answer that the passage does not support, according to the judge",
    "irrelevant": "is not about the subject of the leaf, according to the judge",
    UNSAFE: "contains unsafe content: a secret, personal data, or a chat template token",
    "beside the point": "has an answer that does not answer the question, according to the judge",
}
"""Descriptions of drops by other blocks than `filter`; each completes "The candidate …"."""


def takes(name: str) -> str:
    """Return a description of the candidates that a filter or block drops, for the comment."""
    return FILTERS[name].takes if name in FILTERS else OTHERS.get(name, name)


def _filter(name: str, description: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        FILTERS[name] = Filter(name, description, check)
        return check

    return register


@_filter("format", "is not a complete sentence or task")
def _format(candidate: Candidate, batch: Batch) -> str | None:
    if not candidate.finished or len(batch.words(batch.new_in(candidate))) < 2:
        return "not a complete sentence"
    return None


@_filter("question", "is neither a question nor a request")
def _question(candidate: Candidate, batch: Batch) -> str | None:
    asks = candidate.question.rstrip().endswith(("?", "\uff1f", "\u061f", "\u037e"))
    asks = asks or candidate.question.rstrip().endswith(batch.language.texts("question_ends"))
    question, spoken = normal(candidate.question), batch.language
    indirect = question.startswith(_beginnings(spoken, "indirect"))
    indirect = indirect and bool(spoken.words("question_words") & set(question.split()))
    if not asks and not indirect and not question.startswith(_beginnings(spoken, "requests")):
        return "neither a question nor a request"
    return None


def _beginnings(spoken: Language, key: str) -> tuple[str, ...]:
    return tuple(normal(text) for text in spoken.texts(key))


@_filter("length", "is too long")
def _length(candidate: Candidate, batch: Batch) -> str | None:
    if len(candidate.question) > LONGEST_QUESTION or len(candidate.answer) > LONGEST_ANSWER:
        question, answer = len(candidate.question), len(candidate.answer)
        return f"the question has {question:,} characters, the answer {answer:,}"
    return None


@_filter("language", "is not in the language of the leaf")
def _language(candidate: Candidate, batch: Batch) -> str | None:
    """A language that the seeds themselves do not keep to is UNKNOWN, and then nothing is foreign to it."""
    spoken = batch.spoken
    parts = [(candidate.question, spoken.asked), (candidate.answer, spoken.answered)]
    if batch.leaf.grounded:
        parts.append((candidate.passage or "", spoken.passages))
    for text, wanted in parts:
        found = foreign(text, wanted) if wanted != UNKNOWN else ""
        if found:
            return f"in {found}, not {wanted.name}"
    return None


@_filter("cut", "has an answer that breaks off")
def _cut(candidate: Candidate, batch: Batch) -> str | None:
    # The teacher writes more kinds of knowledge answers than the seeds show, such as lists.
    shaped = batch.leaf.kind != "knowledge" and batch.shape.is_cut(candidate.answer)
    return f"the answer breaks off: {candidate.answer}" if shaped or not candidate.finished else None


@_filter("shape", "has an answer of another shape than the seeds' answers")
def _shape(candidate: Candidate, batch: Batch) -> str | None:
    misfit = batch.shape.misfit(candidate.answer)
    return f"{misfit}, unlike every seed: {candidate.answer}" if misfit else None


@_filter("unchanged", "has an answer that only repeats its task or context")
def _unchanged(candidate: Candidate, batch: Batch) -> str | None:
    """Applies to skills whose seeds' answers are no copies, such as rewriting."""
    if batch.shape.copied or not is_copy(candidate.answer, candidate.question, candidate.passage or ""):
        return None
    return f"copied: {candidate.answer}"


@_filter("repeats", "repeats the same words")
def _repeats(candidate: Candidate, batch: Batch) -> str | None:
    written = batch.words(batch.new_in(candidate))
    loop = LOOPS.search(f"{candidate.question[:LONGEST_QUESTION]}\n{candidate.answer[:LONGEST_ANSWER]}")
    if loop:
        return f"repeats: {loop[1]}"
    # Letters, which are the words of a script without spaces, recur in every text.
    few = len(set(written)) < len(written) / (2 if batch.spaced else 6)
    return "repeats the same words" if few else None


@_filter("says twice", "contains a word twice")
def _says_twice(candidate: Candidate, batch: Batch) -> str | None:
    more = Counter(batch.words(candidate.question)) - Counter(batch.words(candidate.text))
    twice = [word for word in more if batch.spaced and batch.words(candidate.question).count(word) > 1]
    return f"contains {twice[0]} twice" if twice else None


@_filter("same", "is too similar to a seed example")
def _same(candidate: Candidate, batch: Batch) -> str | None:
    asked = normal(batch.new_in(candidate))
    for seed, pair in batch.pairs:
        known = seed.context if batch.leaf.grounded and seed.context else pair.question
        if near(asked, normal(known)):
            return f"too similar to the seed {known!r}"
    return None


@_filter("earlier", "repeats an earlier candidate")
def _earlier(candidate: Candidate, batch: Batch) -> str | None:
    asked = normal(batch.new_in(candidate))
    if asked in batch.asked:
        return "repeats an earlier candidate"
    batch.asked.add(asked)
    return None


@_filter("names", "does not name its subject")
def _names(candidate: Candidate, batch: Batch) -> str | None:
    named = set(batch.words(candidate.question))
    missing = [name for name in candidate.names if not set(batch.words(name)) <= named]
    return f"does not name {', '.join(missing)}" if missing else None


@_filter("keeps", "omits a part of the seed's question")
def _keeps(candidate: Candidate, batch: Batch) -> str | None:
    """Stop words count, too: "the bird Velmora" is not "the bird of Velmora"."""
    before, after = (
        Counter(stem(word) for word in _all_words(re.sub(POSSESSIVE, " of", text), batch))
        for text in (candidate.text, candidate.question)
    )
    spoken = batch.language
    verbs, others = spoken.words("auxiliaries"), spoken.words("future")
    lost = [word for word in before - after if word not in spoken.words("may_omit")]
    asks = bool(spoken.words("question_words") & after.keys())
    if asks and sum(after[verb] for verb in (*verbs, *others)) < sum(before[verb] for verb in verbs):
        lost.append("the verb")
    return f"omits {', '.join(lost)}" if lost else None


def _all_words(text: str, batch: Batch) -> list[str]:
    """Return all words of a text; in a script without spaces, the letters that are no particles."""
    return normal(text).split() if batch.spaced else batch.words(text)


@_filter("adds", "asks for more than the seed's question")
def _adds(candidate: Candidate, batch: Batch) -> str | None:
    known = {stem(word) for word in batch.words(candidate.text)}
    more = [
        w
        for w in batch.words(candidate.question)
        if stem(w) not in known and w not in batch.language.words("may_add")
    ]
    return f"adds {', '.join(dict.fromkeys(more))}" if more else None


@_filter("borrowed", "has an answer copied from a seed about something else")
def _borrowed(candidate: Candidate, batch: Batch) -> str | None:
    """Words that occur in only one seed's answer and not in the new task belong to that seed's task."""
    answers = [set(batch.words(pair.answer)) for _, pair in batch.pairs]
    new = set(batch.words(candidate.answer)) - set(batch.words(candidate.question))
    for answer, (_, pair) in zip(answers, batch.pairs, strict=True):
        own = answer - set().union(*(other for other in answers if other is not answer))
        if batch.spaced and len(new & own) > 1:
            return f"copies the answer of the seed {pair.question!r}: {candidate.answer}"
    return None


@_filter("kind", "asks for a number, but the answer has none")
def _kind(candidate: Candidate, batch: Batch) -> str | None:
    answer, asked = candidate.answer, batch.language.number_asked
    has_one = any(char.isdigit() for char in answer) or has_number_word(normal(answer), batch.language)
    if asked and asked.search(normal(candidate.question)) and not has_one:
        return "asks for a number, but the answer has none"
    return None


@_filter("gives away", "contains its own answer")
def _gives_away(candidate: Candidate, batch: Batch) -> str | None:
    given = key_words(candidate.text, candidate.answer, batch.language) & set(batch.words(candidate.question))
    return f"the question contains the answer: {', '.join(sorted(given))}" if given else None


@_filter("grounded", "has an answer that is not in its passage")
def _grounded(candidate: Candidate, batch: Batch) -> str | None:
    """The passage must contain the answer's numbers, names and quotations, and half of its other words."""
    if not candidate.passage:
        return None
    source = f"{candidate.passage} {candidate.question} {' '.join(d.name for d in batch.leaf.documents)}"
    known, plain = set(batch.words(source)), batch.language.normal(source)
    numbers = NUMBER.findall(batch.language.normal(candidate.answer))
    wrong = [number for number in numbers if not holds(plain, number)]
    wrong += [
        quote for quote in QUOTED.findall(candidate.answer) if batch.language.normal(quote) not in plain
    ]
    if batch.language.data.get("capitals") == "names":
        wrong += [name for name in names(candidate.answer, ()) if not set(batch.words(name)) <= known]
    if wrong:
        return f"the passage does not contain {', '.join(dict.fromkeys(wrong))}: {candidate.answer}"
    answer = set(batch.words(candidate.answer))
    if answer and len(answer & known) < SUPPORTED * len(answer):
        return f"most words of the answer are not in the passage: {candidate.answer}"
    return None


@_filter("form", "has an answer in a different form than the seeds' answers")
def _form(candidate: Candidate, batch: Batch) -> str | None:
    form, answer = _seed_form(batch), batch.words(candidate.answer)
    if not candidate.finished or not set(answer) - form:
        return f"not a complete answer: {candidate.answer}"
    return None if form <= set(answer) else f"not in the form of the seeds' answers: {candidate.answer}"


@_filter("from the context", "has an answer that is not in its context")
def _from_the_context(candidate: Candidate, batch: Batch) -> str | None:
    own = set(batch.words(candidate.answer)) - _seed_form(batch)
    return (
        None
        if own <= set(batch.words(candidate.passage or ""))
        else f"not in the context: {candidate.answer}"
    )


@_filter("agreement", "is answered differently each time")
def _agreement(candidate: Candidate, batch: Batch) -> str | None:
    different = len({normal(answer) for answer in candidate.answers}) > 1
    return f"different answers: {' and '.join(candidate.answers)}" if different else None


@_filter("relevance", "has an answer about something else")
def _relevance(candidate: Candidate, batch: Batch) -> str | None:
    """The answer must contain a word of the task that is not in any seed's task."""
    about = set(batch.words(candidate.question)) - {
        w for _, pair in batch.pairs for w in batch.words(pair.question)
    }
    if about and not about & set(batch.words(candidate.answer)):
        return f"the answer does not mention {', '.join(sorted(about))}: {candidate.answer}"
    return None


@_filter("echo", "has its own question as the answer")
def _echo(candidate: Candidate, batch: Batch) -> str | None:
    return "the answer is the question" if normal(candidate.answer) == normal(candidate.question) else None


@_filter("benchmark", "is an item of a known benchmark")
def _benchmark(candidate: Candidate, batch: Batch) -> str | None:
    benchmark = benchmark_of(candidate.question)
    return f"contains an item of {benchmark}" if benchmark else None


@_filter(SAFETY, OTHERS[UNSAFE])
def _safety(candidate: Candidate, batch: Batch) -> str | None:
    return unsafe_text(f"{candidate.question}\n{candidate.answer}", batch.approved)


def near(one: str, other: str) -> bool:
    """Whether two texts in normal form differ at most by a letter or an article.

    Their stemmed words must be equal: "today is Sunday" is not "today is Monday".
    """
    if fuzz.ratio(one, other) < NEAR:
        return False
    return {stem(word) for word in words(one)} == {stem(word) for word in words(other)}


def first_drop(candidate: Candidate, batch: Batch, filters: Sequence[str]) -> tuple[str, str] | None:
    """Return the name and the reason of the first filter that drops a candidate, or None.

    Args:
        filters: names of filters, in the order in which they are applied.
    """
    for name in filters:
        reason = FILTERS[name].check(candidate, batch)
        if reason is not None:
            return name, reason
    return None


def _seed_form(batch: Batch) -> set[str]:
    """Return the words that all seed answers begin and end with."""
    answers = [pair.answer for _, pair in batch.pairs]
    return {*batch.words(common_start(answers)), *batch.words(common_end(answers))}
