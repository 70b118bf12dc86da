"""Evaluation: what a model answers to the leaves' exams and to general questions."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.evaluate.exams import ExamItem, exam_of, retention
from bot.progress import task
from bot.recipe import Recipe
from bot.store import AT_ONCE, Entry, Store, canonical, key_of
from bot.taxonomy.leaf import Leaf
from bot.took import Took, examination_by, record, this_device
from bot.words import is_right

__all__ = ["Answer", "Examination", "answer", "examine", "is_right"]

VERSION = 3


@dataclass(frozen=True)
class Answer:
    """A question, what the model said, and whether that is right."""

    question: str
    answer: str
    right: bool


@dataclass(frozen=True)
class Examination:
    """A model's answers.

    Attributes:
        leaves: leaf -> its answers.
        retention: answers to the general questions.
        seeds_asked: leaves that have no exam of their own and were asked their seed questions instead.
    """

    model: str
    leaves: Mapping[str, tuple[Answer, ...]]
    retention: tuple[Answer, ...]
    seeds_asked: frozenset[str] = frozenset()

    def score(self, path: str) -> tuple[int, int]:
        """How many of a leaf's questions were answered right, and how many were asked."""
        answers = self.leaves.get(path, ())
        return sum(answer.right for answer in answers), len(answers)

    def tally(self, path: str) -> dict[str, int]:
        """The score in words."""
        right, asked = self.score(path)
        return {"right": right, "asked": asked}


def examine(model: Path, model_id: str, leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> Examination:
    """Ask a model all exams and the retention set; what it was asked before is taken from the store.

    Args:
        model: a folder for `from_pretrained`.
        model_id: what tells these weights from all others.
    """
    sittings = {leaf.path: _Sitting(exam_of(leaf), model_id, recipe) for leaf in leaves}
    general = _Sitting(retention(), model_id, recipe)
    kept = store.has("exam", [sitting.key for sitting in (*sittings.values(), general)])
    missing = [sitting for sitting in (*sittings.values(), general) if sitting.key not in kept]
    # All at once, since a large batch takes little longer than a small one.
    began = time.monotonic()
    said = _ask(model, [item.question for sitting in missing for item in sitting.items], recipe)
    by, leaves_asked = examination_by(recipe), max(1, len([one for one in missing if one is not general]))
    record(store, Took("examine", this_device(), len(said), time.monotonic() - began, leaves_asked, by))
    answered = iter(said)
    for sitting in missing:
        answers = [
            Answer(item.question, text, item.right(text))
            for item in sitting.items
            for text in [next(answered)]
        ]
        written = canonical([asdict(one) for one in answers]).encode()
        store.put("exam", sitting.key, sitting.inputs, {"answers.json": written})
    answered_by = _answers([*sittings.values(), general], store)
    return Examination(
        model_id,
        {path: answered_by[sitting.key] for path, sitting in sittings.items()},
        answered_by[general.key],
        frozenset(leaf.path for leaf in leaves if not leaf.exam),
    )


def answer(model: Path, questions: Sequence[str], recipe: Recipe) -> list[str]:
    """What a model answers, without an exam."""
    return _ask(model, questions, recipe)


class _Sitting:
    """One exam taken by one model, and its key."""

    def __init__(self, items: Sequence[ExamItem], model_id: str, recipe: Recipe) -> None:
        self.items = items
        self.inputs = {
            "model": model_id,
            "questions": [item.to_json() for item in items],
            "evaluate": recipe.part("evaluate"),
        }
        self.key = key_of("exam", VERSION, self.inputs)


def _answers(sittings: Sequence[_Sitting], store: Store) -> dict[str, tuple[Answer, ...]]:
    """What was answered in each sitting, by its key; the store is asked for many at once."""

    def read(entry: Entry) -> tuple[str, tuple[Answer, ...]]:
        return entry.key, tuple(Answer(**line) for line in entry.read_json("answers.json"))

    entries = store.get_many("exam", [sitting.key for sitting in sittings])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(pool.map(read, entries.values()))


def _ask(model: Path, questions: Sequence[str], recipe: Recipe) -> list[str]:
    """Answers in the order of the questions; loads nothing where nothing is asked."""
    if not questions:
        return []
    from bot.teachers import Request
    from bot.teachers.local import TransformersTeacher

    # fp32, so that an answer is the same whatever else is asked beside it.
    examinee = TransformersTeacher(str(model), recipe.evaluate.batch, recipe.seed, "fp32")
    longest = recipe.evaluate.max_new_tokens
    asked = [Request((("user", question),), longest, 0.0, one_line=False) for question in questions]
    answers = [""] * len(questions)
    with task("ask the model", len(questions)) as advance:
        for response in examinee.complete(asked):
            answers[response.index] = response.text
            advance(1, "")
    return answers
