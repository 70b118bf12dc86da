"""The teacher model of a recipe: its engine, name and revision."""

import math
import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.config.profiles import profile_of
from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.store import key_of
from bot.inference.engine import Engine
from bot.inference.models import here, model_name, model_revision
from bot.inference.teacher_server import TEACHER_URL, teacher_server

if TYPE_CHECKING:
    from bot.inference.engine_openai import OpenAIEngine

PATIENCE_S = 1800.0
"""How long a request waits for the server of `arborist teacher up` while it is being restarted."""
MOST = 64
"""Maximum number of parallel requests where the profile does not say how many vLLM takes."""


def open_teacher(recipe: Recipe) -> Engine:
    """Create the engine of the recipe's teacher; the model is loaded at the first request.

    Raises:
        UserError: the recipe names an endpoint and neither it nor the environment has the URL.
    """
    teacher = recipe.teacher
    if teacher.engine == "openai":
        return _endpoint(recipe)
    if teacher.engine == "vllm" and (recipe.engine == "local" or TEACHER_URL in os.environ):
        return _vllm(recipe)
    if recipe.engine == "ray":
        return _on_cluster(recipe)
    from bot.inference.engine_transformers import TransformersEngine

    return TransformersEngine(teacher.model, teacher.batch, recipe.seed)


def _on_cluster(recipe: Recipe) -> Engine:
    """Return engines on the workers of a Ray cluster; copies of a model are workers of their own."""
    from bot.inference.engine_ray import RayEngine

    teacher, arguments = recipe.teacher, dict(profile_of(recipe).vllm) | {"data_parallel_size": 1}
    if teacher.engine == "vllm":
        from bot.inference.engine_vllm import VllmEngine

        gpus = math.prod(arguments.get(f"{way}_parallel_size", 1) for way in ("tensor", "pipeline"))
        return RayEngine(partial(VllmEngine, here(teacher.model), arguments, recipe.seed), gpus)
    from bot.inference.engine_transformers import TransformersEngine

    return RayEngine(partial(TransformersEngine, here(teacher.model), teacher.batch, recipe.seed))


def _endpoint(recipe: Recipe) -> Engine:
    from bot.inference.engine_openai import OpenAIEngine

    teacher, shared = recipe.teacher, os.environ.get(TEACHER_URL, "")
    if not (teacher.url or shared):
        raise UserError(
            f"teacher.url: not set, and neither is {TEACHER_URL}; set one of them, "
            "or run this command by `arborist teacher up -- COMMAND`"
        )
    ours = not teacher.url
    return OpenAIEngine(
        teacher.url or shared,
        teacher.model,
        os.environ.get("OPENAI_API_KEY", ""),
        most=teacher.requests,
        budget=teacher.tokens,
        continues=teacher.continues or ours,
        structured=teacher.structured or ours,
        patience_s=PATIENCE_S if ours else 0,
    )


def _vllm(recipe: Recipe) -> Engine:
    """Return a client of the shared server if there is one; otherwise an engine of this job's own.

    vLLM runs several copies of a model (data parallelism) in its server only.
    """
    arguments, url = profile_of(recipe).vllm, os.environ.get(TEACHER_URL)
    if url:
        return _client(url, recipe)
    if arguments.get("data_parallel_size", 1) > 1:
        from bot.inference.engine_served import ServedEngine

        return ServedEngine(
            lambda: teacher_server(recipe, served_name(recipe)), lambda url: _client(url, recipe)
        )
    from bot.inference.engine_vllm import VllmEngine

    return VllmEngine(recipe.teacher.model, dict(arguments), recipe.seed)


def _client(url: str, recipe: Recipe) -> "OpenAIEngine":
    """Return a client of a vLLM server that runs by the recipe's profile."""
    from bot.inference.engine_openai import OpenAIEngine

    arguments = profile_of(recipe).vllm
    most = arguments.get("max_num_seqs", MOST) * arguments.get("data_parallel_size", 1)
    name = served_name(recipe)
    return OpenAIEngine(url, name, most=most, continues=True, structured=True, patience_s=PATIENCE_S)


def served_name(recipe: Recipe) -> str:
    """Return the name that tells a server's model from the same one in another revision or another way.

    The server rejects requests under other names, so samples never get the key of another teacher.
    """
    model = recipe.teacher.model
    way = {"revision": model_revision(model), "arguments": profile_of(recipe).answers()}
    return f"{model_name(model)}:{key_of('teacher', 1, way)[:16]}"


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
