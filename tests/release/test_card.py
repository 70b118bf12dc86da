"""The model card: what it says of the leaves, and the metadata that the Hub reads."""

from typing import Any

import yaml

from bot.release.card import model_card

KEY = "a" * 64


def leaf(path: str, language: str, kept: int) -> dict[str, Any]:
    score = {"right": 3, "asked": 5}
    return {
        "path": path,
        "key": KEY,
        "created_by": "petra",
        "language": language,
        "samples": 7,
        "exam": {"status": "held-out", "before": score, "after": score},
        "near_misses": {"asked": 8, "base": 6, "before": 6, "after": kept},
    }


def card(*leaves: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The metadata and the text of a card."""
    manifest = {
        "repository": "lab/model",
        "release": "v1",
        "key": KEY,
        "taxonomy": {"repository": "lab/taxonomy", "commit": "b" * 40},
        "student": {"name": "org/base", "revision": "c" * 40},
        "recipe": {"train": {"checkpoints": 1}},
        "signature": {"method": "key"},
        "leaves": list(leaves),
        "phases": {"knowledge": {"key": KEY}, "skills": {"key": KEY}},
        "examined": {"before": "the base model", "retention": {"before": 60, "after": 59, "asked": 71}},
    }
    _, metadata, text = model_card(manifest, "apache-2.0").split("---\n", 2)
    return yaml.safe_load(metadata), text


def test_its_languages_are_those_of_the_leaves() -> None:
    metadata, _ = card(leaf("knowledge/a", "de", 6), leaf("knowledge/b", "en", 6), leaf("knowledge/c", "", 6))
    assert metadata["language"] == ["de", "en"]


def test_of_unknown_languages_it_claims_none() -> None:
    metadata, _ = card(leaf("knowledge/a", "", 6))
    assert "language" not in metadata


def test_it_says_whether_the_model_over_generalises_and_for_which_leaf() -> None:
    _, text = card(leaf("knowledge/a", "en", 6), leaf("knowledge/b_c", "en", 4))
    told = " ".join(text.split())
    assert (
        "of 16, the base model answers 12 right; of these, 12 were right before and 10 are right after"
        in told
    )
    assert "Fewer than the base: knowledge/b" in told
    assert "(4 of 6)." in told
