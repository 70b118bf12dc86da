"""Model selection: choose the model with the best exam score among those of a phase's last epochs."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from bot.config.recipe import EvaluateRecipe
from bot.core.progress import say
from bot.core.step import RESULT, Inputs, make
from bot.core.store import Entry, Store
from bot.core.store_files import link_or_copy
from bot.evaluate.examine import examine
from bot.evaluate.exams import ExamItem, exam_of
from bot.evaluate.judge import judged
from bot.evaluate.retention import retention
from bot.inference.models import Model
from bot.taxonomy.leaf import Leaf
from bot.train.checkpoint import MODELS
from bot.train.phase import PhaseInputs

CHOICE = "choice.json"


@dataclass(frozen=True)
class ChoiceInputs(Inputs):
    """Everything that the choice among a phase's models depends on.

    Attributes:
        trained: the key of the phase.
        exams: the questions of all leaves that the phase was trained on.
        general: the retention set.
        max_new_tokens: maximum number of tokens of an answer.
    """

    STEP: ClassVar[str] = "choice"
    VERSION: ClassVar[int] = 1

    trained: str
    exams: Sequence[ExamItem]
    general: Sequence[ExamItem]
    max_new_tokens: int


def choice_inputs(trained: PhaseInputs, leaves: Sequence[Leaf], wanted: EvaluateRecipe) -> ChoiceInputs:
    """Return the inputs of the choice among a phase's models.

    Args:
        leaves: the leaves that the phase was trained on.
    """
    exams = judged((item for leaf in leaves for item in exam_of(leaf)), wanted)
    general = judged(retention(wanted.general), wanted)
    return ChoiceInputs(trained.key, exams, general, wanted.max_new_tokens)


def choose(
    inputs: ChoiceInputs, trained: Entry, leaves: Sequence[Leaf], wanted: EvaluateRecipe, store: Store
) -> Entry:
    """Return the best of a phase's models; if scores are equal, the later one.

    A score is the mean of two accuracies: of the leaves' exams and of the retention set.

    Returns:
        An entry like that of a phase, with choice.json next to the weights.
    """
    return make(inputs, store, partial(_choose, trained, leaves, wanted, store))


def _choose(trained: Entry, leaves: Sequence[Leaf], wanted: EvaluateRecipe, store: Store, work: Path) -> None:
    folder, result = trained.folder(), work / RESULT
    steps = sorted((path.name for path in (folder / MODELS).iterdir()), key=int)
    scores: dict[str, float] = {}
    for step in steps:
        model = Model(folder / MODELS / step, f"{trained.key}.{step}")
        examined = examine(model, leaves, wanted, store)
        exams = [answer.right for answers in examined.leaves.values() for answer in answers]
        general = [answer.right for answer in examined.retention]
        scores[step] = round(sum(sum(part) / len(part) for part in (exams, general) if part), 4)
    say(f"model scores by step: {', '.join(f'{step}: {score}' for step, score in scores.items())}")
    best = max(steps, key=lambda step: (scores[step], int(step)))
    shutil.rmtree(result, ignore_errors=True)
    shutil.copytree(folder, result, ignore=shutil.ignore_patterns(MODELS, "entry.json"))
    shutil.copytree(folder / MODELS / best, result, copy_function=link_or_copy, dirs_exist_ok=True)
    chosen = {"model": f"{trained.key}.{best}", "step": int(best), "scores": scores}
    (result / CHOICE).write_text(json.dumps(chosen))


def model_of(entry: Entry) -> Model:
    """Return the model of an entry of `train_phase` or `choose`."""
    known = entry.read_json(CHOICE)["model"] if CHOICE in entry.files else entry.key
    return Model(entry.folder(), known)
