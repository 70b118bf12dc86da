"""Copies of releases to verify, and what `arborist verify` says of them."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.release.manifest import MANIFEST
from bot.release.release_folder import prepared
from bot.release.signature import Signer
from bot.release.statement import STATEMENT
from tests.helpers.release_key import ReleaseKey
from tests.helpers.signed_release import FILES, write_model

NAMES = (
    *("README.md", "loss.png", "model.safetensors", "config.json", "tokenizer.json"),
    *("training/metrics.jsonl", "training/runs/events", MANIFEST, STATEMENT),
)


@dataclass(frozen=True)
class Releases:
    """Copies of two releases by one key, as somebody has them who downloaded them."""

    first: Path
    second: Path
    key: ReleaseKey


@dataclass(frozen=True)
class Told:
    """What a command printed, and its exit code."""

    code: int
    out: list[str]
    err: str

    def failed(self) -> set[str]:
        """The checks that failed."""
        return {line[2:].partition(":")[0] for line in self.out if line.startswith("✘ ")}

    def line(self, check: str) -> str:
        """The line of a check."""
        return next(line for line in self.out if line[2:].startswith(f"{check}: "))


Arborist = Callable[..., Told]


def resigned(folder: Path, key: ReleaseKey, stated: dict[str, Any]) -> Path:
    """A release with this manifest, signed by the maintainers themselves."""
    with prepared(write_model(folder / "model"), FILES, stated, Signer({}, key.pem)) as made:
        return Path(shutil.copytree(made.folder, folder / "resigned"))


def flip(file: Path, place: int = -1, mask: int = 1) -> None:
    content = bytearray(file.read_bytes())
    content[place % len(content)] ^= mask
    file.write_bytes(content)
