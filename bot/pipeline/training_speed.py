"""The speed of steps: its dependencies, and a formula for training. Needs only the core dependencies."""

from dataclasses import asdict
from typing import Any

from bot.config.device import PEAK
from bot.config.recipe import Recipe
from bot.inference.teacher import teacher_model
from bot.train.methods import chosen, method_of

REACHED = 0.4
"""The share of the peak speed that training reaches: measured on a CPU (BENCHMARKS.md), typical of a GPU."""
GIVEN = {"knowledge": 4.5, "skills": 1.8}
"""Total samples per sample of the teacher, measured for the pipeline `small`; about 1 for `full`."""
GENERAL_TOKENS = 60
"""Assumed tokens of a general request with its answer, and of any sample before the first run."""


def tokens_a_second(size: int, recipe: Recipe, device: str) -> float:
    """Return the estimated speed of training in tokens per second: available over required operations.

    Args:
        size: number of the student's weights.
        device: a key of PEAK.
    """
    train = recipe.train
    forward = 4 if train.gradient_checkpointing else 2
    operations = method_of(chosen(train)).operations(forward, train.processes)
    return PEAK[device] * REACHED * train.processes / (operations * size)


def generation_by(recipe: Recipe) -> dict[str, Any]:
    """Return what the speed of generation depends on, besides the device."""
    return {
        "teacher": teacher_model(recipe),
        "engine": recipe.teacher.engine,
        "pipeline": recipe.generate.pipeline,
    }


def training_by(phase: str, recipe: Recipe) -> dict[str, Any]:
    """Return what the speed of training and the tokens per leaf depend on, besides the device."""
    train = recipe.train
    settings = {
        "neurons": train.neurons,
        "rank": train.rank,
        "method": train.method,
        "precision": train.precision,
    }
    run = {"processes": train.processes, "deepspeed": train.deepspeed}
    return {"student": recipe.student.model, "samples": recipe.generate.samples, **settings, **run}


def examination_by(recipe: Recipe) -> dict[str, Any]:
    """Return what the speed of an examination depends on, besides the device."""
    return {"student": recipe.student.model, **asdict(recipe.evaluate)}
