"""Checkpoints of a phase: what a killed process needs to go on as if nothing had been.

One form for all engines: every trained weight and its two Adam moments, whole, in float32, by name. So a run
goes on with another engine or another number of processes. The data's position and all random numbers follow
from the seed and the step, so the step's number stands for them.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

NAME = "checkpoint"
CANDIDATES = "candidates"
SHARD_BYTES = 2_000_000_000
"""How much of a checkpoint is held in memory before it is written."""
STATES = ("weight", "exp_avg", "exp_avg_sq")
"""What is kept of each weight, four bytes a number."""


@dataclass(frozen=True)
class Progress:
    """How far a phase has come."""

    step: int
    tokens: int
    seconds: float


class Checkpoint:
    """A whole checkpoint on disk.

    Raises:
        UserError: it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors import SafetensorError, safe_open

        self.folder = folder
        try:
            self.progress = Progress(**json.loads((folder / "progress.json").read_text()))
            files = [safe_open(file, "pt") for file in sorted(folder.glob("*.safetensors"))]
        except (ValueError, TypeError, SafetensorError) as error:
            raise self._damaged(str(error)) from None
        self._where = {key: file for file in files for key in file.keys()}  # type: ignore[no-untyped-call]  # noqa: SIM118

    def states(self, name: str) -> "dict[str, Tensor]":
        """A weight and its moments, by STATES.

        Raises:
            UserError: it has none of that name.
        """
        keys = {state: f"{name}.{state}" for state in STATES}
        try:
            return {state: self._where[key].get_tensor(key) for state, key in keys.items()}  # type: ignore[no-untyped-call]
        except KeyError as error:
            raise self._damaged(f"there is no {error.args[0]}") from None

    def _damaged(self, why: str) -> UserError:
        return UserError(f"{self.folder}: this checkpoint is damaged ({why}); remove it and run again")


def save_checkpoint(
    folder: Path, progress: Progress, weights: "Iterable[tuple[str, dict[str, Tensor]]]"
) -> None:
    """Write beside, then rename: there is always one whole checkpoint, never half of one.

    The one before is removed once the new one is whole, so a phase takes the room of two at most.

    Args:
        weights: name and states of each weight; see STATES.

    Raises:
        UserError: it cannot be written; the checkpoint before is kept.
    """
    part = folder / f"{NAME}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        _write(part, weights)
        (part / "progress.json").write_text(json.dumps(asdict(progress)))
        _to_disk(part / "progress.json")
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise UserError(
            f"{folder}: the checkpoint of step {progress.step} cannot be written: {error.strerror or error}; "
            "make room and run again, which goes on from the checkpoint before"
        ) from None
    old = folder / f"{NAME}.old"
    shutil.rmtree(old, ignore_errors=True)
    if (folder / NAME).exists():
        (folder / NAME).rename(old)
    part.rename(folder / NAME)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint, or None."""
    for place in (folder / NAME, folder / f"{NAME}.old"):
        if (place / "progress.json").exists():
            return Checkpoint(place)
    return None


@contextmanager
def plainly_failing(folder: Path) -> Iterator[None]:
    """Whatever writes a model to a folder, with one line where it cannot.

    Raises:
        UserError: it cannot be written; the checkpoint before is kept.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{folder}: the model cannot be written: {error}; make room and run again, "
            "which goes on from the last checkpoint"
        ) from None


def checkpoint_bytes(weights: float) -> float:
    """What checkpoints take at most: the one before is there until the new one is whole.

    Args:
        weights: how many numbers are trained; four bytes each, and for each of its moments.
    """
    return 2 * 4 * len(STATES) * weights


def check_room(folder: Path, weights: int, models: int) -> None:
    """Whether a phase's files have room where they will lie: two checkpoints and the models of its end.

    Args:
        weights: how many numbers are trained.
        models: bytes of all models that are kept.

    Raises:
        UserError: they have not; said before the first step, when nothing is lost yet.
    """
    needed = checkpoint_bytes(weights) + models
    # What a killed run left here is part of what is needed.
    there = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    free = shutil.disk_usage(folder).free + there
    if free < needed:
        raise UserError(
            f"{folder}: training needs {needed / 1e9:.1f} GB here for checkpoints and the model, "
            f"{free / 1e9:.1f} GB are free; make room and run again (phases that were begun and given up "
            "lie in work/ of the store or, of a store elsewhere, of the cache)"
        )


def _write(folder: Path, weights: "Iterable[tuple[str, dict[str, Tensor]]]") -> None:
    shard: dict[str, Tensor] = {}
    number = size = 0
    for name, states in weights:
        for state, tensor in states.items():
            shard[f"{name}.{state}"] = tensor.cpu().contiguous()
            size += tensor.nbytes
        if size >= SHARD_BYTES:
            _write_shard(folder / f"{number:05}.safetensors", shard)
            shard, number, size = {}, number + 1, 0
    if shard:
        _write_shard(folder / f"{number:05}.safetensors", shard)


def _write_shard(file: Path, shard: "dict[str, Tensor]") -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(shard, file)
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error)) from None
    _to_disk(file)


def _to_disk(file: Path) -> None:
    """So that the rename never comes to the disk before what it names."""
    with file.open("rb") as written:
        os.fsync(written.fileno())
