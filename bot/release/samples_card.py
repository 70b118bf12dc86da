"""The card of the data set of samples: what a row is, which release learned it, and the licences."""

from collections.abc import Mapping
from typing import Any

from huggingface_hub import DatasetCardData

from bot.release.card_template import card_text, languages_of
from bot.release.exam_words import SHARED
from bot.release.licences import same_licence, what_it_asks
from bot.release.signature import verify_command

MOST_NAMED, MOST_ROWS = 100, 500
"""How many works of a leaf a list names, and how many leaves."""
_ORDER = ["license", "language", "pretty_name", "size_categories", "task_categories", "tags", "configs"]


def samples_card(manifest: Mapping[str, Any], stated: Mapping[str, Any]) -> str:
    """Return the README.md of the data set that belongs to a release.

    Args:
        manifest: the manifest of the release.
        stated: the data set's part of the manifest.
    """
    rows: Mapping[str, Mapping[str, int]] = stated["facts"]["rows"]
    return card_text(
        *("samples_card.md.j2", _metadata(manifest, stated), _ORDER),
        manifest=manifest,
        repository=stated["repository"],
        rows=rows,
        total=_total(rows),
        private=stated["facts"].get("private", []),
        licences=_licences(manifest),
        splits=sorted(rows),
        shared=[leaf for leaf in manifest["leaves"] if leaf["exam"]["status"] == SHARED],
        verification=verify_command(manifest),
        most_named=MOST_NAMED,
        most_rows=MOST_ROWS,
    )


def _metadata(manifest: Mapping[str, Any], stated: Mapping[str, Any]) -> DatasetCardData:
    rows = stated["facts"]["rows"]
    licences = _licences(manifest)
    return DatasetCardData(
        license=licences if len(licences) > 1 else licences[0],
        language=languages_of(manifest) or None,
        pretty_name=f"Training samples of {manifest['repository']}",
        size_categories=[size_category(_total(rows))],
        task_categories=["text-generation", "question-answering"],
        tags=["arborist", "instructlab", "lab", "synthetic"],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": phase, "path": f"data/{phase}.parquet"} for phase in sorted(rows)],
            }
        ],
    )


def size_category(rows: int) -> str:
    """Return the Hub's name for a data set of this size."""
    names = ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B"]
    return names[min(max(len(str(rows)) - 3, 0), len(names) - 1)]


def _total(rows: Mapping[str, Mapping[str, int]]) -> int:
    return sum(sum(of_leaves.values()) for of_leaves in rows.values())


def _licences(manifest: Mapping[str, Any]) -> list[str]:
    """Return the release's licence, then the share-alike licences of leaves, which their rows keep."""
    release = manifest["recipe"]["release"]["license"]
    works = [work["licence"] for leaf in manifest["leaves"] for work in leaf["attribution"]]
    kept = {same_licence(one) for one in works if what_it_asks(one, release) == "share-alike"}
    return [release, *sorted(kept - {"", release})]
