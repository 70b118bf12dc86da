"""An exam for a leaf without exam.yaml: some of its seed examples, which are then not trained on.

The rule needs no exam of the contributor and no teacher. Which examples it takes follows from a hash of their
texts, so the choice stays the same until the examples change. With each one go the others that state the same
fact in other words. A leaf keeps as many examples as a new leaf must have; if too few are left over for an
exam, it has none.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.taxonomy.leaf import QA, ExamQuestion, Kind, Leaf, Seed
from bot.text.analysis import key_words
from bot.text.detect import exam_language
from bot.text.language import Language
from bot.text.mark_answer import Marking
from bot.text.overlap import words_of
from bot.text.questions import is_whole_question

KEPT: dict[Kind, int] = {"knowledge": 15, "foundational": 5, "compositional": 5}
"""Minimum number of question-answer pairs that stay, as the schemas of qna.yaml require."""
SHARE = 4
"""At most one in SHARE pairs is set apart, with those that state the same facts."""
FEWEST, MOST = 3, 10
"""An exam of fewer questions would say nothing; more are not needed."""
MOST_TRIED = 100
"""Maximum number of pairs that are tried, since each is compared with all others."""


@dataclass(frozen=True)
class _Fact:
    """A question-answer pair of a leaf.

    Attributes:
        seed: the index of its seed example.
        pair: with its number in qna.yaml.
        asked: its question in normal form.
        new: the key words of its answer, by which answers are marked.
        words: all words of its question and answer.
    """

    seed: int
    pair: QA
    asked: str
    new: frozenset[str]
    words: frozenset[str]

    def is_stated_by(self, other: "_Fact") -> bool:
        """Whether another pair has half of the key words, which is enough for a right answer."""
        return other == self or 2 * len(self.new & other.words) >= len(self.new)

    @property
    def rank(self) -> str:
        """A hash, by which facts are drawn."""
        return hashlib.sha256(f"{self.pair.question}\0{self.pair.answer}".encode()).hexdigest()


def with_exam(leaf: Leaf) -> Leaf:
    """Return a leaf with some of its seed examples set apart as its exam.

    A leaf that has an exam, or too few examples, is returned as it is.
    """
    count = sum(len(seed.pairs) for seed in leaf.seeds)
    if leaf.exam or count < KEPT[leaf.kind] + FEWEST:
        return leaf
    least = max(KEPT[leaf.kind], count - count // SHARE)
    facts = _facts(leaf)
    chosen: list[_Fact] = []
    left = facts
    for fact in sorted(facts, key=lambda one: one.rank)[:MOST_TRIED]:
        if fact in left and len(chosen) < MOST:
            rest = [other for other in left if not fact.is_stated_by(other)]
            if len(rest) >= least and _may_ask(fact, left, rest, leaf):
                chosen.append(fact)
                left = rest
    if len(chosen) < FEWEST:
        return leaf
    kept = {fact.pair.number: fact.pair for fact in left}
    seeds = [(seed, _kept_pairs(number, seed, kept)) for number, seed in enumerate(leaf.seeds, 1)]
    return replace(
        leaf,
        seeds=tuple(replace(seed, pairs=pairs) for seed, pairs in seeds if pairs),
        exam=tuple(_question(fact, leaf) for fact in facts if fact in chosen),
        set_apart=True,
    )


def _facts(leaf: Leaf) -> list[_Fact]:
    spoken = exam_language(
        [text for seed in leaf.seeds for p in seed.pairs for text in (p.question, p.answer)]
    )
    return [
        _fact(number, replace(pair, number=f"{number}.{place}"), spoken)
        for number, seed in enumerate(leaf.seeds, 1)
        for place, pair in enumerate(seed.pairs, 1)
    ]


def _fact(seed: int, pair: QA, spoken: Language) -> _Fact:
    new = key_words(pair.question, pair.answer, spoken)
    words = words_of(spoken.normal(f"{pair.question} {pair.answer}"))
    return _Fact(seed, pair, spoken.normal(pair.question), frozenset(new), frozenset(words))


def _may_ask(fact: _Fact, left: Sequence[_Fact], rest: Sequence[_Fact], leaf: Leaf) -> bool:
    """Whether a fact can be an exam question.

    It must be possible to mark its answers, and each passage of a knowledge leaf keeps a question. The same
    question must not stay in training with another answer, except for grounded skills, whose questions are
    asked with their contexts.
    """
    passages = leaf.kind != "knowledge" or {one.seed for one in rest} == {one.seed for one in left}
    asked_again = not leaf.grounded and any(one.asked == fact.asked for one in rest)
    return bool(fact.new) and is_whole_question(fact.pair.question) and passages and not asked_again


def _kept_pairs(number: int, seed: Seed, kept: dict[str, QA]) -> tuple[QA, ...]:
    numbers = (f"{number}.{place}" for place in range(1, len(seed.pairs) + 1))
    return tuple(kept[one] for one in numbers if one in kept)


def _question(fact: _Fact, leaf: Leaf) -> ExamQuestion:
    context = leaf.seeds[fact.seed - 1].context if leaf.grounded else None
    return ExamQuestion(fact.pair.question, Marking(), fact.pair.answer, context)
