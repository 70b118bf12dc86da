"""The engine of a model that is examined, or that marks answers: in fp32, in this process or on a cluster."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from bot.config.recipe import EvaluateRecipe
from bot.inference.engine import Engine
from bot.inference.models import here
from bot.text.chat_template import Turns


class Examinee(Engine, Protocol):
    """An engine that also tells how likely answers are."""

    def log_probabilities(self, given: Sequence[tuple[Turns, str]]) -> Iterator[tuple[int, float]]:
        """Yield the index of each given answer, and its log-probability; see `TransformersEngine`."""
        ...


def open_examinee(model: str, wanted: EvaluateRecipe) -> Examinee:
    """Create the engine of a model. In fp32 an answer does not depend on the other questions of its batch.

    Args:
        model: `embedded`, a folder, or `org/name@revision`.
    """
    from bot.inference.engine_transformers import TransformersEngine

    open_engine = partial(TransformersEngine, here(model), wanted.batch, 0, "fp32")
    if wanted.engine == "local":
        return open_engine()
    from bot.inference.engine_ray import RayEngine, SpreadEngine

    files = [Path(model).resolve() / "config.json"] if Path(model).is_dir() else []
    return SpreadEngine(RayEngine(open_engine, files=files), wanted.batch)
