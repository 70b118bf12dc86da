"""Examination of a model: its answers to the leaves' exams, to near misses and to general questions."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import ClassVar

from bot.config.recipe import EvaluateRecipe
from bot.core.step import Inputs
from bot.core.store import AT_ONCE, Entry, Store, canonical
from bot.evaluate.answers import answerable, answers_of
from bot.evaluate.exams import ExamItem, exam_of
from bot.evaluate.judge import judged, marks
from bot.evaluate.near_misses import near_misses
from bot.evaluate.retention import retention
from bot.inference.models import Model
from bot.taxonomy.leaf import Leaf


@dataclass(frozen=True)
class Answer:
    """A question, the model's answer, and whether the answer is right.

    Attributes:
        judged: whether a judge marks the answers to the question.
    """

    question: str
    answer: str
    right: bool
    judged: bool = False


@dataclass(frozen=True)
class Examination:
    """A model's answers.

    Attributes:
        model: the unique ID of the model's weights.
        leaves: leaf -> its answers.
        retention: the answers to the general questions.
        asked: number of questions that the model answered now; the other answers came from the store.
        asked_leaves: number of leaves that these questions belong to.
        near: leaf -> the answers to its near misses; empty if they were not asked.
    """

    model: str
    leaves: Mapping[str, tuple[Answer, ...]]
    retention: tuple[Answer, ...]
    asked: int = field(default=0, compare=False)
    asked_leaves: int = field(default=0, compare=False)
    near: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)

    def score(self, path: str) -> tuple[int, int]:
        """Return the number of a leaf's questions answered right, and the number asked."""
        answers = self.leaves.get(path, ())
        return sum(answer.right for answer in answers), len(answers)

    def tally(self, path: str) -> dict[str, int]:
        """Return a leaf's score as a dictionary with the keys `right` and `asked`."""
        right, asked = self.score(path)
        return {"right": right, "asked": asked}

    def judged(self, path: str) -> int:
        """Return the number of a leaf's questions that a judge marks."""
        return sum(answer.judged for answer in self.leaves.get(path, ()))


@dataclass(frozen=True)
class Compared:
    """The examinations that the gate and the manifest compare.

    Attributes:
        before: of the previous release; of the base if there is none.
        after: of the new model.
    """

    base: Examination
    before: Examination
    after: Examination

    def near_misses(self, path: str) -> dict[str, int]:
        """Return how many of a leaf's near misses were asked and right.

        Returns:
            `asked`; `base`, the number that the base answers right; and of these `before` and `after`, the
            numbers that the other two models answer right.
        """
        base, before, after = (one.near.get(path, ()) for one in (self.base, self.before, self.after))
        return {
            "asked": len(base),
            "base": sum(answer.right for answer in base),
            "before": sum(answer.right for answer in known_to(base, before)),
            "after": sum(answer.right for answer in known_to(base, after)),
        }

    def near_misses_lost(self, path: str) -> list[Answer]:
        """Return the new model's wrong answers to near misses of a leaf that the base answers right."""
        after = known_to(self.base.near.get(path, ()), self.after.near.get(path, ()))
        return [answer for answer in after if not answer.right]


def known_to(base: Sequence[Answer], answers: Sequence[Answer]) -> list[Answer]:
    """Return a model's answers to the questions that the base answers right."""
    could = {answer.question for answer in base if answer.right}
    return [answer for answer in answers if answer.question in could]


@dataclass(frozen=True)
class ExamInputs(Inputs):
    """Everything that a model's answers to one exam depend on.

    Attributes:
        model: the unique ID of the model's weights.
        max_new_tokens: maximum number of tokens of an answer.
    """

    STEP: ClassVar[str] = "exam"
    VERSION: ClassVar[int] = 7

    model: str
    questions: Sequence[ExamItem]
    max_new_tokens: int


def exam_inputs(model: str, questions: Sequence[ExamItem], wanted: EvaluateRecipe) -> ExamInputs:
    """Return the inputs of a model's answers to one exam.

    Args:
        model: the unique ID of the model's weights.

    Raises:
        UserError: a question needs a judge, and the recipe names none.
    """
    return ExamInputs(model, judged(questions, wanted), wanted.max_new_tokens)


def examine(
    model: Model, leaves: Sequence[Leaf], wanted: EvaluateRecipe, store: Store, near: Sequence[Leaf] = ()
) -> Examination:
    """Return a model's answers to all exams and the retention set; answers in the store are reused.

    Args:
        leaves: the leaves whose exams are asked.
        near: the leaves whose near misses are asked.
    """
    exams = {leaf.path: exam_inputs(model.id, exam_of(leaf), wanted) for leaf in leaves}
    misses = {leaf.path: exam_inputs(model.id, near_misses(leaf), wanted) for leaf in near}
    general = exam_inputs(model.id, retention(wanted.general), wanted)
    missing = ask(model, (*exams.values(), *misses.values(), general), wanted, store)
    found = stored_answers({one.key for one in (*exams.values(), *misses.values(), general)}, store)
    return Examination(
        model.id,
        {path: found[exam.key] for path, exam in exams.items()},
        found[general.key],
        asked=sum(len(exam.questions) for exam in missing.values()),
        asked_leaves=len(
            {path for part in (exams, misses) for path, one in part.items() if one.key in missing}
        ),
        near={path: found[asked.key] for path, asked in misses.items()},
    )


def exam_answers(
    model: Model, leaves: Sequence[Leaf], wanted: EvaluateRecipe, store: Store
) -> dict[str, tuple[Answer, ...]]:
    """Return leaf -> a model's answers to its exam, without the retention set; answers are reused.

    A GGUF file is not asked the questions with choices.
    """
    exams = {leaf.path: answerable(model.folder, exam_of(leaf)) for leaf in leaves}
    return answers_to(model, exams, wanted, store)[0]


def answers_to(
    model: Model, questions: Mapping[str, Sequence[ExamItem]], wanted: EvaluateRecipe, store: Store
) -> tuple[dict[str, tuple[Answer, ...]], int]:
    """Return leaf -> a model's answers to these questions, and how many were asked and not in the store."""
    exams = {path: exam_inputs(model.id, items, wanted) for path, items in questions.items()}
    missing = ask(model, tuple(exams.values()), wanted, store)
    found = stored_answers({exam.key for exam in exams.values()}, store)
    answers = {path: found[exam.key] for path, exam in exams.items()}
    return answers, sum(len(exam.questions) for exam in missing.values())


def ask(
    model: Model, exams: Sequence[ExamInputs], wanted: EvaluateRecipe, store: Store
) -> dict[str, ExamInputs]:
    """Ask a model the exams whose answers are not in the store, and store the answers.

    Returns:
        The exams that were asked, by their keys.
    """
    keys = {one.key: one for one in exams}
    missing = {key: keys[key] for key in keys.keys() - store.has(ExamInputs.STEP, keys)}
    # All at once, since a large batch is hardly slower than a small one.
    items = [item for exam in missing.values() for item in exam.questions]
    texts = answers_of(model.folder, items, wanted)
    marked = iter(zip(texts, marks(items, texts, wanted, store), strict=True))
    for key, exam in missing.items():
        answered = [Answer(item.question, *next(marked), bool(item.judged_by)) for item in exam.questions]
        written = canonical([asdict(one) for one in answered]).encode()
        store.put(exam.STEP, key, exam.values(), {"answers.json": written})
    return missing


def stored_answers(keys: Collection[str], store: Store) -> dict[str, tuple[Answer, ...]]:
    """Return exam key -> answers, of the exams that the store has; reads many entries in parallel."""

    def read(entry: Entry) -> tuple[str, tuple[Answer, ...]]:
        return entry.key, tuple(Answer(**line) for line in entry.read_json("answers.json"))

    entries = store.get_many(ExamInputs.STEP, keys)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(pool.map(read, entries.values()))
