"""Exams: the held-out questions of a leaf, and the retention set of general questions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.generate.prompting import Prompts
from bot.release.exam_words import HELD_OUT, NONE, SHARED, ExamStatus
from bot.taxonomy.exam_file import marking_of
from bot.taxonomy.leaf import Leaf
from bot.text.analysis import key_words
from bot.text.detect import known_language
from bot.text.language import Language, language
from bot.text.mark_answer import Marking, is_right
from bot.text.words import holds

RETENTION = Path(__file__).with_name("retention.yaml")


@dataclass(frozen=True)
class ExamItem:
    """One question of an exam.

    Attributes:
        marking: how exam.yaml has the answers marked.
        expected: for a leaf without an exam, the seed's answer instead; half of its key words are enough.
        language: code of the exam's language; "" if it has no file.
        fact_of_another: whether these words are a fact about another subject, so that they are wrong here.
    """

    question: str
    marking: Marking = field(default_factory=Marking)
    expected: str = ""
    language: str = ""
    fact_of_another: bool = False

    def right(self, answer: str) -> bool:
        """Return whether an answer is right."""
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
    spoken = _language_code(leaf)
    if leaf.exam:
        return [ExamItem(one.question, one.marking, language=spoken) for one in leaf.exam]
    return [
        ExamItem(
            Prompts().grounded(seed.context, pair.question)[0]
            if leaf.grounded and seed.context
            else pair.question,
            expected=pair.answer,
            language=spoken,
        )
        for seed in leaf.seeds
        for pair in seed.pairs
    ]


def _language_code(leaf: Leaf) -> str:
    """Return the code of the language of a leaf's exam and seeds, if it has a file; else "".

    Texts too short to tell count as English if all their letters are ASCII.
    """
    texts = [question.question for question in leaf.exam]
    texts += [text for seed in leaf.seeds for pair in seed.pairs for text in (pair.question, pair.answer)]
    found = known_language(texts)
    if found:
        return found.code
    return "en" if all(text.isascii() for text in texts) else ""


def exam_status(leaf: Leaf, shared: Collection[str] = ()) -> ExamStatus:
    """Return the status of a leaf's exam.

    Args:
        shared: the leaves whose exam questions are asked by samples of other leaves.
    """
    if not leaf.exam:
        return NONE
    return SHARED if leaf.path in shared else HELD_OUT


def retention() -> list[ExamItem]:
    """Return the retention set: general questions, most of which the base answers right."""
    return listed(yaml.safe_load(RETENTION.read_text())["questions"], "en")


def listed(questions: Sequence[Mapping[str, Any]], code: str) -> list[ExamItem]:
    """Return the questions of a file of this package.

    Args:
        questions: as in the file, each like a question of exam.yaml.
        code: ISO 639-1 code of their language.
    """
    return [ExamItem(one["question"], marking_of(one), language=code) for one in questions]
