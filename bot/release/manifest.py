"""The manifest of a release: the keys that trace its weights back to commits and contributors."""

import json
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.schema import first_mistake, first_violation

MANIFEST = "manifest.json"
VERSION = 6
"""Raise it with each change of the schema, and keep the schema of version 6 for `arborist verify`."""
SCHEMA = shipped("schemas/manifest.json")
GATE = shipped("schemas/gate.json")
LARGEST = 64_000_000
"""Maximum size of a manifest in bytes; a manifest of 10,000 leaves has about 15 million."""


def check_manifest(manifest: dict[str, Any]) -> None:
    """Validate a manifest against schemas/manifest.json before a release is published.

    Raises:
        UserError: the manifest does not match the schema.
    """
    mistake = first_mistake(manifest, SCHEMA) or first_mistake(manifest["gate"], GATE)
    if mistake is not None:
        raise UserError(f"manifest: {mistake[0]}: {mistake[1]}; nothing was published")


def violation(manifest: Any) -> str:
    """Return how a manifest of unknown origin violates its schemas, in one line; "" if it does not."""
    return first_violation(manifest, SCHEMA) or first_violation(manifest["gate"], GATE)


def read_json(file: Path, where: str = "") -> Any:
    """Return the content of a JSON file of a release.

    Args:
        where: the text before the file's name in messages.

    Raises:
        UserError: the file is missing, too large, not JSON, or nested too deeply.
    """
    try:
        if not file.is_file():
            raise ValueError("there is no such file")
        if file.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB")
        return json.loads(file.read_bytes())
    except (ValueError, OSError, RecursionError) as error:
        name = f"{where}{file.name}"
        raise UserError(f"{name} cannot be read: {error}; restore the file of the release", code=1) from None
