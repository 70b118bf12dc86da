"""The teacher model of a recipe: its engine, name and revision."""

import os
from collections.abc import Mapping
from typing import Any

from bot.config.profiles import profile_of
from bot.config.recipe import Recipe
from bot.inference.engine import Engine
from bot.inference.models import model_name, model_revision


def open_teacher(recipe: Recipe) -> Engine:
    """Create the engine of the recipe's teacher; the model is loaded at the first request."""
    teacher = recipe.teacher
    if teacher.engine == "openai":
        from bot.inference.engine_openai import OpenAIEngine

        key = os.environ.get("OPENAI_API_KEY", "")
        return OpenAIEngine(
            teacher.url,
            teacher.model,
            key,
            most=teacher.requests,
            budget=teacher.tokens,
            continues=teacher.continues,
            structured=teacher.structured,
        )
    if teacher.engine == "vllm":
        from bot.inference.engine_vllm import VllmEngine

        return VllmEngine(teacher.model, dict(profile_of(recipe).vllm), recipe.seed)
    from bot.inference.engine_transformers import TransformersEngine

    return TransformersEngine(teacher.model, teacher.batch, recipe.seed)


def teacher_model(recipe: Recipe) -> dict[str, str]:
    """Return the teacher's `name` and `revision`; an endpoint's revision is unknown, so its name is used."""
    model = recipe.teacher.model
    if recipe.teacher.engine == "openai":
        return {"name": model, "revision": model}
    return {"name": model_name(model), "revision": model_revision(model)}


def teacher_inputs(recipe: Recipe, model: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the teacher's settings that its answers depend on, for store keys.

    Settings that only affect the speed, and an endpoint's URL, are not included.

    Args:
        model: the teacher's name and revision, if they are known from a manifest; see `teacher_model`.
    """
    teacher = recipe.teacher
    inputs: dict[str, Any] = {
        "engine": teacher.engine,
        "temperature": teacher.temperature,
        **(model or teacher_model(recipe)),
    }
    if teacher.engine == "vllm":
        # No key `arguments` if the profile has none that affect answers, such as the profile `gpu-80g`.
        arguments = profile_of(recipe).answers()
        return inputs | {"arguments": arguments} if arguments else inputs
    # In bf16 an answer can depend on the other requests of its batch.
    return inputs | {"batch": teacher.batch} if teacher.engine == "transformers" else inputs
