"""The desired state: the key of the release that main asks for, compared with the newest release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bot.config.recipe import Recipe
from bot.core.step import Inputs
from bot.evaluate.judge import judge_id
from bot.evaluate.retention import retention_hash
from bot.evaluate.tasks import task_hashes
from bot.generate.general_replay import dataset_revision
from bot.generate.inputs import AllSamplesInputs, all_samples_inputs, samples_inputs
from bot.inference.encoder import encoder_revision
from bot.inference.models import model_revision
from bot.release.hub import Release
from bot.taxonomy.leaf import ExamQuestion, Leaf
from bot.taxonomy.tree import reading_code

PARTS = ("generate", "train", "evaluate", "retrieval", "gate", "release")
"""Parts of the recipe that a release depends on."""


@dataclass(frozen=True)
class ReleaseInputs(Inputs):
    """Everything that a release depends on.

    Attributes:
        leaves: leaf -> the key of its samples.
        exams: leaf -> its held-out questions.
        student: the unique ID of the base's weights.
        general: the hash of the dataset of general requests; "" for the shipped requests.
        questions: the hash of the file of general questions; "" for the shipped ones.
        tasks: task of lm-evaluation-harness -> the hash of its files; "" for one that it has itself.
        encoder: the unique ID of the encoder's weights; "" without retrieval.
        judge: the ID of the judge; "" if the recipe names none.
        recipe: part -> its settings.
    """

    STEP: ClassVar[str] = "release"
    VERSION: ClassVar[int] = 4

    leaves: Mapping[str, str]
    exams: Mapping[str, Sequence[ExamQuestion]]
    student: str
    general: str
    questions: str
    tasks: Mapping[str, str]
    encoder: str
    judge: str
    recipe: Mapping[str, Mapping[str, Any]]
    seed: int


@dataclass(frozen=True)
class SettingsInputs(Inputs):
    """Everything that a release depends on, except the taxonomy.

    Attributes:
        reading: a hash of the code that reads leaves and documents.
    """

    STEP: ClassVar[str] = "settings of a release"
    VERSION: ClassVar[int] = 4

    samples: AllSamplesInputs
    reading: str
    student: str
    general: str
    questions: str
    tasks: Mapping[str, str]
    encoder: str
    judge: str
    recipe: Mapping[str, Mapping[str, Any]]
    seed: int


def release_inputs(leaves: Sequence[Leaf], recipe: Recipe) -> ReleaseInputs:
    """Return the inputs of the release that main asks for; takes milliseconds and loads no model."""
    return ReleaseInputs(
        {leaf.path: samples_inputs(leaf, recipe).key for leaf in leaves},
        {leaf.path: leaf.exam for leaf in leaves},
        **_beside_the_leaves(recipe),
    )


def _beside_the_leaves(recipe: Recipe) -> dict[str, Any]:
    retrieval, judge = recipe.retrieval, recipe.evaluate.judge
    return {
        "student": model_revision(recipe.student.model),
        "general": dataset_revision(recipe.train.general.dataset),
        "questions": retention_hash(recipe.evaluate.general),
        "tasks": task_hashes(recipe.evaluate.tasks),
        "encoder": encoder_revision(retrieval.encoder) if retrieval.passages else "",
        "judge": judge_id(judge) if judge.model else "",
        "recipe": {part: recipe.part(part) for part in PARTS},
        "seed": recipe.seed,
    }


def settings_key(recipe: Recipe) -> str:
    """Return the key of everything that a release depends on, except the taxonomy.

    If this key and git's hash of the taxonomy's folder match a release, the leaves need not be read.
    """
    return SettingsInputs(all_samples_inputs(recipe), reading_code(), **_beside_the_leaves(recipe)).key


def is_released(released: Release | None, tree: str, recipe: Recipe) -> bool:
    """Return whether a release has exactly this tree and these settings; if not, compare the releases' keys.

    A release with quarantined leaves never counts: these leaves may be readable by now.

    Args:
        tree: git's hash of the taxonomy's folder; "" if it was not read from git.
    """
    if released is None or not tree or released.manifest.get("quarantined"):
        return False
    known = (released.manifest["taxonomy"].get("tree"), released.manifest.get("settings"))
    return known == (tree, settings_key(recipe))
