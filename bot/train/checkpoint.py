"""Checkpoints of a phase, from which a killed run resumes exactly.

All engines share one format: each trained weight and its two Adam moments, unsharded, in float32, by name. So
a run can resume with another engine or another number of processes. The position in the data and all random
numbers follow from the seed and the step, so only the step is stored.
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

from bot.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

NAME = "checkpoint"
MODELS = "models"
"""The folder of the models at the end of epochs, in one folder per step."""
SHARD_BYTES = 2_000_000_000
"""Size of a shard, which is held in memory until it is written."""
STATES = ("weight", "exp_avg", "exp_avg_sq")
"""The tensors kept for each weight, in float32."""


@dataclass(frozen=True)
class Progress:
    """The progress of a phase: steps, tokens and seconds so far."""

    step: int
    tokens: int
    seconds: float


class Checkpoint:
    """A complete checkpoint on disk.

    Raises:
        UserError: the checkpoint is damaged.
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
        """Return a weight and its moments, by the names in STATES.

        Raises:
            UserError: the checkpoint has no weight of this name.
        """
        keys = {state: f"{name}.{state}" for state in STATES}
        try:
            return {state: self._where[key].get_tensor(key) for state, key in keys.items()}  # type: ignore[no-untyped-call]
        except KeyError as error:
            raise self._damaged(f"{error.args[0]} is missing") from None

    def _damaged(self, why: str) -> UserError:
        return UserError(f"{self.folder}: this checkpoint is damaged ({why}); delete it and run again")


def save_checkpoint(
    folder: Path, progress: Progress, weights: "Iterable[tuple[str, dict[str, Tensor]]]"
) -> None:
    """Write a checkpoint atomically: write to a temporary folder, then rename.

    The previous checkpoint is deleted when the new one is complete, so there are two at most.

    Args:
        weights: name and states of each weight; see STATES.

    Raises:
        UserError: the checkpoint cannot be written; the previous one is kept.
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
            "free disk space and run again to resume from the previous checkpoint"
        ) from None
    old = folder / f"{NAME}.old"
    shutil.rmtree(old, ignore_errors=True)
    if (folder / NAME).exists():
        (folder / NAME).rename(old)
    part.rename(folder / NAME)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest complete checkpoint, or None."""
    for place in (folder / NAME, folder / f"{NAME}.old"):
        if (place / "progress.json").exists():
            return Checkpoint(place)
    return None


@contextmanager
def model_write_errors(folder: Path) -> Iterator[None]:
    """Convert errors while a model is written to a UserError.

    Raises:
        UserError: the model cannot be written; the last checkpoint is kept.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{folder}: the model cannot be written: {error}; free disk space and run again to resume "
            "from the last checkpoint"
        ) from None


def checkpoint_bytes(weights: float) -> float:
    """Return the maximum size of checkpoints in bytes: while a new one is written, there are two.

    Args:
        weights: number of trained weights.
    """
    return 2 * 4 * len(STATES) * weights


def check_room(folder: Path, weights: int, models: int) -> None:
    """Check, before the first step, that the disk has space for two checkpoints and the models to keep.

    Args:
        weights: number of trained weights.
        models: size of all models to keep, in bytes.

    Raises:
        UserError: the disk has not enough free space.
    """
    needed = checkpoint_bytes(weights) + models
    # Files of a killed run are overwritten, so their space counts as free.
    there = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    free = shutil.disk_usage(folder).free + there
    if free < needed:
        raise UserError(
            f"{folder}: training needs {needed / 1e9:.1f} GB here for checkpoints and the model, "
            f"but {free / 1e9:.1f} GB are free; free disk space and run again (unfinished phases are in the "
            "folder work/ of the store, or of the cache if the store is remote)"
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
    """Flush a file to disk, so that the later rename cannot be persisted before the content."""
    with file.open("rb") as written:
        os.fsync(written.fileno())
