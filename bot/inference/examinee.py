"""The engine of a model that is examined, or that marks answers, in this process or on a cluster."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from bot.config.recipe import EvaluateRecipe
from bot.inference.engine import Engine
from bot.inference.models import BY_DEVICE, here
from bot.text.chat_template import Turns


class Examinee(Engine, Protocol):
    """An engine that also tells how likely answers are."""

    def log_probabilities(self, given: Sequence[tuple[Turns, str]]) -> Iterator[tuple[int, float]]:
        """Yield the index of each given answer, and its log-probability; see `TransformersEngine`."""
        ...


def open_examinee(model: str, wanted: EvaluateRecipe) -> Examinee:
    """Create the engine of a model: on a GPU in bf16, as it was trained and is used, else in fp32.

    In fp32 an answer does not depend on the other questions of its batch; in bf16 a close one may.

    Args:
        model: `embedded`, a folder, or `org/name@revision`.
    """
    from bot.inference.engine_transformers import TransformersEngine

    open_engine = partial(TransformersEngine, here(model), wanted.batch, 0, BY_DEVICE)
    if wanted.engine == "local":
        return open_engine()
    from bot.inference.engine_ray import RayEngine, SpreadEngine

    files = [Path(model).resolve() / "config.json"] if Path(model).is_dir() else []
    return SpreadEngine(RayEngine(open_engine, files=files), wanted.batch)
