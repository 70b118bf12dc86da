"""The speed of steps: its dependencies, and a formula for training. Needs only the core dependencies."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from bot.config.device import PEAK
from bot.config.profiles import profile_of
from bot.config.recipe import PhaseRecipe, Recipe
from bot.core.durations import this_device
from bot.inference.model_shape import Shape
from bot.inference.teacher import teacher_model
from bot.train.methods import chosen, method_of

REACHED = 0.4
"""The share of the peak speed that training reaches: measured on a CPU (BENCHMARKS.md), typical of a GPU."""
LAYER_S = 0.0035
"""Seconds that a GPU's host needs for a layer, forward and backward: a row of SmolLM2-135M, with 30
layers, took 0.107 s on an H200 (BENCHMARKS.md)."""
GIVEN = {"knowledge": 4.5, "skills": 1.8}
"""Total samples per sample of the teacher, measured for the pipeline `small`; about 1 for `full`."""
GENERAL_TOKENS = 60
"""Assumed tokens of a general request with its answer, and of any sample before the first run."""


@dataclass(frozen=True)
class Speed:
    """The estimated speed of training a student on a device.

    Attributes:
        size: number of the student's weights.
        layers: number of the student's layers.
        device: a key of PEAK.
    """

    size: int
    layers: float
    recipe: Recipe
    device: str

    def seconds(self, tokens: float, phase: PhaseRecipe) -> float:
        """Return the estimated duration: the required operations at the device's speed, or longer.

        On a GPU a pass takes at least LAYER_S per layer, since small models wait for their host.

        Args:
            tokens: number of tokens in all epochs.
        """
        train, profile = self.recipe.train, profile_of(self.recipe)
        forward, processes = 4 if profile.gradient_checkpointing else 2, profile.processes
        operations = method_of(chosen(train)).operations(forward, processes)
        computing = tokens * operations * self.size / (PEAK[self.device] * REACHED * processes)
        rows = tokens / (train.max_length * profile.micro_batch)
        passes = max(steps_of(tokens, phase), rows / processes)
        return max(computing, 0.0 if self.device == "cpu" else passes * self.layers * LAYER_S)


def steps_of(tokens: float, phase: PhaseRecipe) -> int:
    """Return the estimated number of steps; an epoch has at least one (train/packing.py)."""
    return math.ceil(max(tokens / phase.batch_tokens, phase.epochs * phase.ensemble))


def layers_of(size: int, shape: Shape | None) -> float:
    """Return the number of layers; without a shape, that of a typical model, 128 times as wide as deep."""
    return float(shape.layers) if shape else math.cbrt(size / (12 * 128**2))


def generation_by(recipe: Recipe) -> dict[str, Any]:
    """Return what the speed of generation depends on, besides the device."""
    return {
        "teacher": teacher_model(recipe),
        "engine": recipe.teacher.engine,
        "pipeline": recipe.generate.pipeline,
        **_on_cluster(recipe),
    }


def training_by(phase: str, recipe: Recipe) -> dict[str, Any]:
    """Return what the speed of training and the tokens per leaf depend on, besides the device."""
    train, profile = recipe.train, profile_of(recipe)
    settings = {
        "neurons": train.neurons,
        "rank": train.rank,
        "method": train.method,
        "precision": train.precision,
    }
    run = {
        "deepspeed": profile.deepspeed,
        "processes": profile.processes,
        "micro_batch": profile.micro_batch,
        "gradient_checkpointing": profile.gradient_checkpointing,
        **_on_cluster(recipe),
    }
    return {"student": recipe.student.model, "samples": recipe.generate.samples, **settings, **run}


def examination_by(recipe: Recipe) -> dict[str, Any]:
    """Return what the speed of an examination depends on, besides the device."""
    asked = {name: value for name, value in asdict(recipe.evaluate).items() if name != "engine"}
    return {"student": recipe.student.model, **asked, **_on_cluster(recipe)}


def _on_cluster(recipe: Recipe) -> dict[str, str]:
    """Return that a step runs on a cluster; nothing for this machine, as in records from before clusters."""
    return {} if recipe.engine == "local" else {"on": recipe.engine}


def device_of(recipe: Recipe) -> str:
    """Describe the hardware that a recipe's steps run on."""
    if recipe.engine == "local":
        return this_device()
    from bot.cluster.nodes import device

    return device()


def retrieval_by(recipe: Recipe) -> dict[str, Any]:
    """Return what the speed of exams with passages depends on, besides the device."""
    return {**examination_by(recipe), "retrieval": asdict(recipe.retrieval)}


def tasks_by(recipe: Recipe) -> dict[str, Any]:
    """Return what the speed of the tasks of lm-evaluation-harness depends on, besides the device."""
    wanted = recipe.evaluate
    return {"student": recipe.student.model, "tasks": list(wanted.tasks), "batch": wanted.batch}


def gguf_by(recipe: Recipe) -> dict[str, Any]:
    """Return what the speed of the conversion to GGUF and of the files' exams depends on."""
    wanted = recipe.evaluate
    return {"student": recipe.student.model, "general": wanted.general, "tokens": wanted.max_new_tokens}
