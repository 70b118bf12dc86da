"""Exams: the held-out questions of a leaf, and how an answer to a question is marked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.generate.prompting import Prompts
from bot.release.exam_words import HELD_OUT, NONE, SET_APART, SHARED, ExamStatus
from bot.taxonomy.exam_file import marking_of
from bot.taxonomy.leaf import Leaf
from bot.text.analysis import key_words
from bot.text.detect import exam_language
from bot.text.language import Language, language
from bot.text.mark_answer import Marking, is_right
from bot.text.words import holds


@dataclass(frozen=True)
class ExamItem:
    """One question of an exam.

    Attributes:
        marking: how exam.yaml has the answers marked.
        expected: for a seed example, its answer instead; half of its key words are enough.
        language: code of the exam's language; "" if it has no file.
        fact_of_another: whether these words are a fact about another subject, so that they are wrong here.
        judged_by: the ID of the judge that marks the answers; "" if none does.
    """

    question: str
    marking: Marking = field(default_factory=Marking)
    expected: str = ""
    language: str = ""
    fact_of_another: bool = False
    judged_by: str = ""

    def canonical(self) -> dict[str, Any]:
        """Return the fields, for keys; without a judge, the keys are as before there were judges."""
        return {one: value for one, value in vars(self).items() if one != "judged_by" or value}

    @property
    def request(self) -> str:
        """What the model is asked."""
        return self.question

    def right(self, answer: str) -> bool:
        """Return whether an answer is right, but for the condition of a judge."""
        return self._states(answer) != self.fact_of_another

    def _states(self, answer: str) -> bool:
        """Return whether an answer says what is asked for."""
        if not self.expected:
            return self.marking.accepts(answer, self._spoken)
        wanted = key_words(self.question, self.expected, self._spoken)
        if not wanted:  # for example "No."
            return is_right(answer, [self.expected], self._spoken)
        normalized = self._spoken.normal(answer)
        return 2 * sum(holds(normalized, word) for word in wanted) >= len(wanted)

    @property
    def _spoken(self) -> Language:
        return language(self.language)


def exam_of(leaf: Leaf) -> list[ExamItem]:
    """Return a leaf's held-out exam; without one, its seed questions, which the model was trained on."""
    code = _language_code(leaf)
    if leaf.exam:
        asked = zip(held_out(leaf), leaf.exam, strict=True)
        return [ExamItem(question, one.marking, one.expected, code) for question, one in asked]
    return [
        ExamItem(
            _asked(pair.question, seed.context if leaf.grounded else None),
            expected=pair.answer,
            language=code,
        )
        for seed in leaf.seeds
        for pair in seed.pairs
    ]


def held_out(leaf: Leaf) -> list[str]:
    """Return the questions of a leaf's exam as a model is asked them; none if it has no exam."""
    return [_asked(one.question, one.context) for one in leaf.exam]


def _asked(question: str, context: str | None) -> str:
    """Return a question as a model is asked it: a grounded one with its context."""
    return Prompts().grounded(context, question)[0] if context else question


def _language_code(leaf: Leaf) -> str:
    """Return the code of the language of a leaf's exam and seeds, if it has a file; else ""."""
    texts = [question.question for question in leaf.exam]
    texts += [text for seed in leaf.seeds for pair in seed.pairs for text in (pair.question, pair.answer)]
    return exam_language(texts).code


def exam_status(leaf: Leaf, shared: Collection[str] = ()) -> ExamStatus:
    """Return the status of a leaf's exam.

    Args:
        shared: the leaves whose exam questions are asked by samples of other leaves.
    """
    if not leaf.exam:
        return NONE
    if leaf.path in shared:
        return SHARED
    return SET_APART if leaf.set_apart else HELD_OUT


def listed(questions: Sequence[Mapping[str, Any]], code: str) -> list[ExamItem]:
    """Return the questions of a file that belongs to no leaf.

    Args:
        questions: as in the file, each like a question of exam.yaml.
        code: ISO 639-1 code of their language.
    """
    return [ExamItem(one["question"], marking_of(one), language=code) for one in questions]
