"""The answers of a released model, found in the store by the keys in its manifest."""

from collections.abc import Mapping
from typing import Any

from bot.core.store import Store
from bot.evaluate.examine import stored_answers
from bot.release.compare_releases import StoredAnswers
from bot.release.leaf_changes import rows_of


def released_answers(manifest: Mapping[str, Any], store: Store) -> StoredAnswers:
    """Return the answers of a released model that the store has; manifests before version 6 have no keys.

    Raises:
        StoreError: the store cannot be reached.
    """
    rows = rows_of(manifest)
    exams = {path: row["exam"].get("answers", "") for path, row in rows.items()}
    near = {path: row.get("near_misses", {}).get("answers", "") for path, row in rows.items()}
    general = manifest["examined"]["retention"].get("answers", "")
    found = stored_answers({*exams.values(), *near.values(), general} - {""}, store)
    return StoredAnswers(
        exams={path: found[key] for path, key in exams.items() if key in found},
        near={path: found[key] for path, key in near.items() if key in found},
        general=found.get(general, ()),
    )
