"""Pipelines as their files state them: where candidates are from, and the blocks that they go through."""

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
    """A pipeline as its file has it.

    Attributes:
        version: raised whenever it would make other samples of the same leaf.
        start: where its candidates are from; see `blocks.STARTS`.
        batch: how many go through it together, and are kept together.
        paths: the blocks that candidates of each kind go through: (name, its options).
        chunk: tokens of a passage, at most, as the teacher counts them.
        model: the teacher, whose tokens are counted.
    """

    version: int
    start: str
    batch: int
    paths: Mapping[str, Sequence[tuple[str, Any]]]
    chunk: int = 0
    model: str = ""


def pipeline_versions(family: str) -> dict[str, int]:
    """The versions of all pipelines of a family, by name."""
    return {file.stem: _read(file).version for file in sorted((FOLDER / family).glob("*.yaml"))}


def pipeline_of(leaf: Leaf, family: str, model: str) -> Pipeline:
    """The pipeline for a leaf.

    Args:
        family: `small` asks little of the teacher, `full` much.
    """
    kind = "knowledge" if leaf.kind == "knowledge" else "grounded" if leaf.grounded else leaf.kind
    name = {"compositional": "freeform"}.get(kind, kind)
    return replace(_read(FOLDER / family / f"{name}.yaml"), model=model)


@cache
def _read(file: Path) -> Pipeline:
    data: Mapping[str, Any] = yaml.safe_load(file.read_text())
    paths = {
        kind: [(one, None) if isinstance(one, str) else next(iter(one.items())) for one in blocks]
        for kind, blocks in data["paths"].items()
    }
    return Pipeline(**{**data, "paths": paths})
