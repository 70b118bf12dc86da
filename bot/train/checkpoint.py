"""Checkpoints of a phase: what a killed process needs to go on as if nothing had been."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NAME = "checkpoint"


@dataclass(frozen=True)
class Progress:
    """How far a phase has come; the order of the data follows from the seed, so a number is its position."""

    step: int
    tokens: int
    seconds: float


def save_checkpoint(folder: Path, progress: Progress, state: dict[str, Any]) -> None:
    """Write beside, then rename: there is always one whole checkpoint, never half of one."""
    import torch

    part = folder / f"{NAME}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    torch.save(state | {"random": torch.get_rng_state()}, part / "state.pt")
    (part / "progress.json").write_text(json.dumps(asdict(progress)))
    old = folder / f"{NAME}.old"
    shutil.rmtree(old, ignore_errors=True)
    if (folder / NAME).exists():
        (folder / NAME).rename(old)
    part.rename(folder / NAME)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path) -> tuple[Progress, dict[str, Any]] | None:
    """The newest whole checkpoint, or None."""
    import torch

    for place in (folder / NAME, folder / f"{NAME}.old"):
        if (place / "progress.json").exists():
            progress = Progress(**json.loads((place / "progress.json").read_text()))
            state = torch.load(place / "state.pt", weights_only=True)
            torch.set_rng_state(state.pop("random"))
            return progress, state
    return None
