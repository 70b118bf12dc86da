"""The manifest: the tree of keys that leads from a release's weights back to commits and people."""

from typing import Any

from bot.errors import UserError
from bot.schema import first_mistake
from bot.shipped import shipped

VERSION = 3
SCHEMA = shipped("schemas/manifest.json")


def check_manifest(manifest: dict[str, Any]) -> None:
    """Check a manifest against schemas/manifest.json before anything is published with it.

    Raises:
        UserError: it is not as the schema says; nothing is published.
    """
    mistake = first_mistake(manifest, SCHEMA)
    if mistake is not None:
        raise UserError(f"manifest: {mistake[0]}: {mistake[1]}; nothing was published")
