"""Near misses: questions like a leaf's own, about something else, to see whether a model over-generalises.

A model that was taught who kept one lighthouse may name this person for every lighthouse. Each leaf has two
kinds of near misses, both made by rule, so no teacher is needed:

- its own exam questions with the name of its subject replaced, except multiple choice and those that a judge
  marks. Nobody knows the right answer, but the leaf's fact is wrong;
- the questions of `near_miss_questions/<language>.yaml` that are most like its own, whose answers are known.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle
from pathlib import Path

import yaml

from bot.evaluate.exams import ExamItem, exam_of, listed
from bot.taxonomy.leaf import Leaf
from bot.text.analysis import stem
from bot.text.language import language
from bot.text.overlap import words_of
from bot.text.subject import Others, about_another, subject_of
from bot.text.words import normal

FOLDER = Path(__file__).with_name("near_miss_questions")
OF_EACH_KIND = 4
"""Maximum number of near misses of each kind that a leaf has."""


@dataclass(frozen=True)
class Bank:
    """The content of a language's file: what near misses are made of."""

    others: Others
    questions: tuple[ExamItem, ...]


def near_misses(leaf: Leaf) -> list[ExamItem]:
    """Return a leaf's near misses; none if its language has no file."""
    exam = exam_of(leaf)
    bank = bank_of(exam[0].language if exam else "")
    asked = [pair.question for seed in leaf.seeds for pair in seed.pairs]
    asked += [question.question for question in leaf.exam]
    open_ones = [item for item in exam if not item.marking.choices and not item.marking.judge]
    others = _about_others(open_ones, asked, bank) if leaf.kind == "knowledge" else []
    return [*others, *_most_like(asked, bank)]


def bank_questions() -> list[ExamItem]:
    """Return the questions of all languages; a model must not be trained on them."""
    return [item for file in sorted(FOLDER.glob("*.yaml")) for item in bank_of(file.stem).questions]


@cache
def bank_of(code: str) -> Bank:
    """Return the content of a language's file; an empty bank if it has none.

    Args:
        code: ISO 639-1 code of the language.
    """
    file = FOLDER / f"{code}.yaml"
    if not code or not file.is_file():
        return Bank(Others(), ())
    data = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    others = Others(tuple(data["names"]), tuple(data["things"]))
    return Bank(others, tuple(listed(data["questions"], code)))


def _about_others(exam: Sequence[ExamItem], asked: Sequence[str], bank: Bank) -> list[ExamItem]:
    """Return exam questions about other subjects; a right answer does not state the leaf's fact."""
    subject = subject_of(asked, language(exam[0].language)) if exam else ""
    others = bank.others.than(subject, asked)
    replaced = [
        replace(
            item,
            question=about_another(item.question, subject, other),
            expected=about_another(item.expected, subject, other),
            fact_of_another=True,
        )
        for item, other in zip(exam, cycle(others), strict=False)
        if about_another(item.question, subject, other) != item.question
    ]
    return replaced[:OF_EACH_KIND]


def _most_like(asked: Sequence[str], bank: Bank) -> list[ExamItem]:
    """Return the questions of a bank that share the rarest words with a leaf's questions."""
    if not bank.questions:
        return []
    shapes = [_shape(item.question) for item in bank.questions]
    seen = Counter(word for shape in shapes for word in shape)
    weight = {word: math.log(1 + len(shapes) / count) for word, count in seen.items()}
    own = [_shape(question) & weight.keys() for question in asked]

    def likeness(shape: frozenset[str]) -> float:
        """Return the cosine of the weighted words with the leaf's most similar question."""
        length = math.sqrt(sum(weight[word] ** 2 for word in shape))
        return max(
            (
                sum(weight[word] ** 2 for word in shape & other)
                / (length * math.sqrt(sum(weight[word] ** 2 for word in other)))
                for other in own
                if other
            ),
            default=0.0,
        )

    order = sorted(range(len(shapes)), key=lambda place: (-likeness(shapes[place]), place))
    return [bank.questions[place] for place in order[:OF_EACH_KIND]]


@cache
def _shape(question: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words_of(normal(question)))
