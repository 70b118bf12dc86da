"""Small releases that match all schemas, for tests that sign and verify them."""

from pathlib import Path
from typing import Any

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


def manifest(tag: str = "v1", **changes: Any) -> dict[str, Any]:
    """Return a manifest that matches its schema, but for the list of files, which publishing adds."""
    key, score = tag[-1] * 64, {"right": 3, "asked": 5}
    leaf = {
        "path": "knowledge/islands",
        "key": key,
        "created_by": "petra",
        "language": "en",
        "samples": 7,
        "exam": {"status": "held-out", "before": score, "after": score},
        "near_misses": {"asked": 8, "base": 6, "before": 6, "after": 5},
    }
    model = {"name": "org/base", "revision": "c" * 40}
    gate = {"version": 1, "decision": "passed", "confidence": 0.95, "level": 0.01, "undecided": "pass"}
    phase = {"key": key, "samples": 7}
    return {
        "version": 6,
        "key": key,
        "release": tag,
        "repository": MODEL,
        "previous": None,
        "taxonomy": {"repository": "lab/taxonomy", "commit": "b" * 40, "tree": "", "folder": "taxonomy"},
        "settings": key,
        "student": model,
        "teacher": model,
        "recipe": {"train": {"checkpoints": 1}},
        "leaves": [leaf],
        "quarantined": [],
        "mixtures": {"knowledge": phase, "skills": phase},
        "overlaps": [],
        "phases": {"knowledge": {"key": key}, "skills": {"key": key, "model": key, "weights": {}}},
        "examined": {"before": "the base model", "retention": {"before": 60, "after": 59, "asked": 71}},
        "gate": {**gate, "criteria": []},
        "tools": {"arborist": "1.0"},
        "signature": {"method": "key"},
        "pulls": [1],
    } | changes
