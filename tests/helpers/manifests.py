"""Manifests of releases, made up, which match the schema."""

from typing import Any

KEY = "a" * 64
GATE = {
    "version": 1,
    "decision": "passed",
    "confidence": 0.95,
    "level": 0.01,
    "undecided": "pass",
    "criteria": [],
}


def leaf_row(
    path: str,
    before: int = 1,
    after: int = 4,
    asked: int = 5,
    *,
    status: str = "held-out",
    key: str = KEY,
    **changes: Any,
) -> dict[str, Any]:
    """A leaf's row: no right answer was lost unless fewer are right than before."""
    row = {
        "path": path,
        "key": key,
        "created_by": "petra",
        "language": "en",
        "samples": 7,
        "attribution": [
            {"title": "A work", "link": "work.md", "licence": "CC-BY-4.0", "creators": "Petra Osgood"}
        ],
        "exam": {
            "status": status,
            "before": {"right": before, "asked": asked},
            "after": {"right": after, "asked": asked},
            "lost": max(0, before - after),
            "gained": max(0, after - before),
            "answers": KEY,
        },
        "near_misses": {"asked": 8, "base": 6, "before": 6, "after": 6, "answers": KEY},
    }
    return {**row, **changes}


def manifest(*leaves: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The manifest of a first release with these leaves."""
    retention = {"before": 60, "after": 59, "asked": 71, "lost": 3, "gained": 2, "answers": KEY}
    made = {
        "version": 6,
        "key": KEY,
        "release": "v2024.11.01.1",
        "repository": "lab/model",
        "previous": None,
        "taxonomy": {"repository": "lab/taxonomy", "commit": "b" * 40, "tree": "", "folder": "taxonomy"},
        "settings": KEY,
        "student": {"name": "org/base", "revision": "c" * 40, "licence": "apache-2.0"},
        "teacher": {"name": "org/teacher", "revision": "d" * 40},
        "recipe": {
            "train": {"checkpoints": 1, "general": {"dataset": ""}},
            "evaluate": {"max_new_tokens": 32},
            "gate": {"confidence": 0.95},
            "release": {"repository": "lab/model", "license": "apache-2.0"},
        },
        "leaves": list(leaves),
        "quarantined": [],
        "mixtures": {"knowledge": {"key": KEY, "samples": 40}, "skills": {"key": KEY, "samples": 30}},
        "overlaps": [],
        "phases": {"knowledge": {"key": KEY}, "skills": {"key": KEY, "model": KEY, "weights": {}}},
        "examined": {"before": "the base model", "retention": retention},
        "gate": GATE,
        "tools": {"arborist": "1.0"},
        "signature": {"method": "key"},
        "pulls": [],
        "files": ["README.md"],
    }
    return {**made, **changes}


def with_retrieval(encoder: str = "embedded") -> dict[str, Any]:
    """The manifest of a release with two knowledge leaves whose exams were also asked with passages."""
    scores = [{"right": right, "asked": 5} for right in (0, 3, 5)]
    found = dict(zip(("base_alone", "base", "tuned"), scores, strict=True))
    made = manifest(
        leaf_row("knowledge/islands/oru", retrieval=found),
        leaf_row("knowledge/islands/sarn", retrieval=found),
        leaf_row("compositional_skills/greet"),
    )
    made["recipe"]["retrieval"] = {"encoder": encoder, "passages": 3}
    return made
