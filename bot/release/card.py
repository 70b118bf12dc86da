"""The model card of a release: what changed, its results, its use, its training data, and their licences."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.core.hub_address import endpoint
from bot.release.card_metadata import card_metadata
from bot.release.card_template import card_text, languages_of
from bot.release.companions import companions_of
from bot.release.exam_words import near_misses
from bot.release.gguf_rule import published
from bot.release.leaf_changes import leaf_changes
from bot.release.licences import what_it_asks
from bot.release.model_files import OLDEST
from bot.release.results import change_words, exam_groups, general_result, share_words
from bot.release.retrieval_result import retrieval_result
from bot.release.signature import how_to_verify

MOST_NAMED = 100
"""How many leaves, and works of a leaf, a list names."""
MOST_ROWS = 500
"""How many leaves a table of results has."""
_ORDER = ["license", "language", "library_name", "pipeline_tag", "base_model", "base_model_relation"]


def model_card(manifest: Mapping[str, Any], previous: Mapping[str, Any] | None) -> str:
    """Return the README.md of a release: the Hub's metadata, then the manifest as readable text.

    Args:
        manifest: as `bot.release.manifest.check_manifest` accepts it.
        previous: the manifest of the release before; None if there is none.
    """
    return card_text(
        *("card.md.j2", card_metadata(manifest), _ORDER),
        share=share_words,
        change=change_words,
        manifest=manifest,
        changes=leaf_changes(previous, manifest),
        languages=languages_of(manifest),
        contributors=_different(leaf["created_by"] for leaf in manifest["leaves"]),
        groups=exam_groups(manifest),
        general=general_result(manifest),
        near=near_misses(manifest["leaves"]),
        retrieval=retrieval_result(manifest),
        confidence=float(manifest["recipe"]["gate"]["confidence"]),
        share_alike=list(_share_alike(manifest)),
        gguf=manifest.get("gguf", {}),
        gguf_names=published(manifest),
        oldest=OLDEST,
        datasets=[one for one in companions_of(manifest) if one.type == "dataset"],
        endpoint=endpoint(),
        verification=how_to_verify(manifest),
        most_named=MOST_NAMED,
        most_rows=MOST_ROWS,
    )


def _share_alike(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the leaf and the licence of each share-alike work, if the release has another licence."""
    release = manifest["recipe"]["release"]["license"]
    for leaf in manifest["leaves"]:
        for licence in _different(work["licence"] for work in leaf["attribution"]):
            if what_it_asks(licence, release) == "share-alike":
                yield leaf["path"], licence


def _different(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
