"""Small releases that match all schemas, for tests that sign and verify them."""

from pathlib import Path
from typing import Any

from tests.helpers import manifests
from tests.helpers.manifests import leaf_row

MODEL = "lab/model"
WEIGHTS = b"weights" * 1_000
FILES = {
    "README.md": b"---\nlicense: apache-2.0\n---\n\n# card\n",
    "loss.png": b"\x89PNG picture",
}
"""The additional files of the release."""


def write_model(folder: Path) -> Path:
    """Write a folder that looks like a trained model's."""
    (folder / "runs").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "config.json").write_text('{"dtype": "bfloat16"}')
    (folder / "tokenizer.json").write_text('{"model": {}}')
    (folder / "metrics.jsonl").write_text("{}\n")
    (folder / "runs/events").write_bytes(b"events")
    return folder


def manifest(tag: str = "v2024.11.01.1", **changes: Any) -> dict[str, Any]:
    """Return a manifest that matches its schema, but for the list of files, which publishing adds."""
    key = tag[-1] * 64
    phases = {"knowledge": {"key": key}, "skills": {"key": key, "model": key, "weights": {}}}
    leaf = leaf_row("knowledge/islands", key=key)
    made = manifests.manifest(leaf, release=tag, repository=MODEL, key=key, phases=phases, pulls=[1])
    del made["files"]
    return made | changes
