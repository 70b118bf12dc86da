"""The manifest of a release: the keys that trace its weights back to commits and contributors."""

from typing import Any

from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.schema import first_mistake

VERSION = 6
SCHEMA = shipped("schemas/manifest.json")


def check_manifest(manifest: dict[str, Any]) -> None:
    """Validate a manifest against schemas/manifest.json before a release is published.

    Raises:
        UserError: the manifest does not match the schema.
    """
    mistake = first_mistake(manifest, SCHEMA)
    if mistake is not None:
        raise UserError(f"manifest: {mistake[0]}: {mistake[1]}; nothing was published")
