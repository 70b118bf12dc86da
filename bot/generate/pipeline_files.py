"""Pipeline files: the start that creates candidates, and the blocks that process them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.taxonomy.leaf import Leaf

FOLDER = Path(__file__).parent / "pipelines"


@dataclass(frozen=True)
class Pipeline:
    """The contents of a pipeline file, and the teacher.

    Attributes:
        version: incremented whenever the same leaf would get different samples.
        start: name of the function that creates candidates; see `blocks.STARTS`.
        batch: number of candidates that are processed, and stored, together.
        paths: kind of candidate -> the blocks that process it, each as (name, options).
        chunk: maximum number of tokens of a passage.
        model: the teacher, whose tokenizer counts them.
        family: the folder of pipelines that this one is from.
    """

    version: int
    start: str
    batch: int
    paths: Mapping[str, Sequence[tuple[str, Any]]]
    chunk: int = 0
    model: str = ""
    family: str = ""

    def canonical(self) -> dict[str, Any]:
        """Return the part that samples depend on; the version stands for the file's content."""
        return {"family": self.family, "version": self.version}


def pipeline_versions(family: str) -> dict[str, int]:
    """Return the versions of all pipelines of a family, by name."""
    return {file.stem: _read(file).version for file in sorted((FOLDER / family).glob("*.yaml"))}


def pipeline_of(leaf: Leaf, family: str, model: str) -> Pipeline:
    """Return the pipeline for a leaf.

    Args:
        family: `small` for weak teachers, `full` for capable ones.
        model: the teacher.
    """
    kind = "knowledge" if leaf.kind == "knowledge" else "grounded" if leaf.grounded else leaf.kind
    return pipeline_named({"compositional": "freeform"}.get(kind, kind), family, model)


def pipeline_named(name: str, family: str, model: str) -> Pipeline:
    """Return a pipeline of a family by its file's name, for a teacher."""
    return replace(_read(FOLDER / family / f"{name}.yaml"), model=model, family=family)


@cache
def _read(file: Path) -> Pipeline:
    data: Mapping[str, Any] = yaml.safe_load(file.read_text())
    paths = {
        kind: [(one, None) if isinstance(one, str) else next(iter(one.items())) for one in blocks]
        for kind, blocks in data["paths"].items()
    }
    return Pipeline(**{**data, "paths": paths})
