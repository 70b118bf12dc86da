"""The lineage of a release as an in-toto statement: its manifest, bound to the SHA-256 of all its files.

See https://in-toto.io/Statement/v1. The statement is a second file, so that readers of manifest.json are not
affected: docs/decisions/011-signed-releases.md.
"""

import json
from collections.abc import Mapping
from typing import Any

from bot.core.package_files import shipped
from bot.release.manifest import MANIFEST

STATEMENT = "manifest.intoto.json"
TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://arborist/release/v1"
"""The predicate's type: the content of manifest.json, whose `version` says which schema it has."""
SCHEMA = shipped("schemas/statement.json")


def statement_of(manifest: Mapping[str, Any], digests: Mapping[str, str]) -> bytes:
    """Return the statement of a release as JSON.

    Args:
        digests: file -> its SHA-256, for all files of the release but the statement and the signature.
    """
    assert MANIFEST in digests  # noqa: S101  # the statement binds the manifest's file, too
    subjects = [{"name": name, "digest": {"sha256": digests[name]}} for name in sorted(digests)]
    statement = {"_type": TYPE, "subject": subjects, "predicateType": PREDICATE, "predicate": manifest}
    return f"{json.dumps(statement, indent=2, ensure_ascii=False)}\n".encode()


def subjects(statement: Mapping[str, Any]) -> dict[str, str]:
    """Return file -> SHA-256 of a statement that matches its schema."""
    return {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
