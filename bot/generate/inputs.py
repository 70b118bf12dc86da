"""The inputs of generation: everything that a leaf's samples depend on.

`arborist plan` computes their keys on machines that have the core dependencies only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bot.config.recipe import Recipe
from bot.core.step import Inputs
from bot.generate.pipeline_files import Pipeline, pipeline_of, pipeline_versions
from bot.generate.prompting import Prompts
from bot.generate.without_teacher import VERSION as GIVEN
from bot.inference.teacher import teacher_inputs
from bot.taxonomy.leaf import Leaf
from bot.text.language import fingerprint

STORED = 1
"""The version of the storage format of a leaf's samples; raising it keeps batches valid."""


@dataclass(frozen=True)
class BatchInputs(Inputs):
    """Everything that one batch of a leaf's samples depends on.

    Attributes:
        teacher: the teacher model and its settings; see `teacher_inputs`.
        number: the batch's number, from 0.
    """

    STEP: ClassVar[str] = "batch"
    VERSION: ClassVar[int] = 11

    leaf: Leaf
    pipeline: Pipeline
    prompts: Prompts
    teacher: Mapping[str, Any]
    seed: int
    number: int


@dataclass(frozen=True)
class SampleSettings:
    """The settings that the samples of all leaves share.

    Attributes:
        teacher: the teacher model and its settings; see `teacher_inputs`.
        samples: number of accepted samples wanted from the teacher, for each leaf.
        batches: maximum number of batches, for each leaf.
        given: the version of the samples that need no teacher.
        languages: a hash of all language files.
    """

    prompts: Prompts
    teacher: Mapping[str, Any]
    seed: int
    samples: int
    batches: int
    given: int = GIVEN
    stored: int = STORED
    languages: str = field(default_factory=fingerprint)


@dataclass(frozen=True)
class SamplesInputs(Inputs):
    """Everything that the samples of one leaf depend on."""

    STEP: ClassVar[str] = "samples"
    VERSION: ClassVar[int] = 10

    leaf: Leaf
    pipeline: Pipeline
    settings: SampleSettings

    def batch(self, number: int) -> BatchInputs:
        """Return the inputs of one of the leaf's batches."""
        shared = self.settings
        return BatchInputs(self.leaf, self.pipeline, shared.prompts, shared.teacher, shared.seed, number)


@dataclass(frozen=True)
class AllSamplesInputs(Inputs):
    """Everything that the samples of all leaves depend on, except the leaves.

    The store has an entry with this key if all leaves of a taxonomy have their samples for these settings.

    Attributes:
        family: the family of pipelines.
        pipelines: pipeline -> its version.
    """

    STEP: ClassVar[str] = "all-samples"
    VERSION: ClassVar[int] = 9

    family: str
    pipelines: Mapping[str, int]
    settings: SampleSettings


def samples_inputs(leaf: Leaf, recipe: Recipe, teacher: Mapping[str, str] | None = None) -> SamplesInputs:
    """Return the inputs of a leaf's samples under a recipe.

    Args:
        teacher: the teacher's name and revision in a manifest; None looks the revision up.
    """
    pipeline = pipeline_of(leaf, recipe.generate.pipeline, recipe.teacher.model)
    return SamplesInputs(leaf, pipeline, _settings(recipe, teacher))


def all_samples_inputs(recipe: Recipe) -> AllSamplesInputs:
    """Return the part of a recipe that all leaves' samples depend on."""
    family = recipe.generate.pipeline
    return AllSamplesInputs(family, pipeline_versions(family), _settings(recipe))


def _settings(recipe: Recipe, teacher: Mapping[str, str] | None = None) -> SampleSettings:
    wanted = recipe.generate
    prompts, settings = Prompts(wanted.prompts), teacher_inputs(recipe, teacher)
    return SampleSettings(prompts, settings, recipe.seed, wanted.samples, wanted.batches)
