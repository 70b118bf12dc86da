"""The manifest: the tree of keys that leads from a release's weights back to commits and people."""

import json
from typing import Any

from bot.errors import UserError
from bot.recipe import ROOT

SCHEMA = ROOT / "schemas" / "manifest.json"


def check_manifest(manifest: dict[str, Any]) -> None:
    """Check a manifest against schemas/manifest.json before anything is published with it.

    Raises:
        UserError: it is not as the schema says; nothing is published.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    worst = best_match(Draft202012Validator(json.loads(SCHEMA.read_text())).iter_errors(manifest))
    if worst is not None:
        place = ".".join(str(part) for part in worst.absolute_path) or "top level"
        raise UserError(f"manifest: {place}: {worst.message}; nothing was published")
