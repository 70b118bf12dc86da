"""The model card of a release: its contents, contributors and evaluation."""

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.release.exam_words import near_misses, questions, remarks
from bot.release.model_files import OLDEST
from bot.release.signature import how_to_verify
from bot.text.escape_markdown import escape


def model_card(manifest: dict[str, Any], license_name: str) -> str:
    """Return the README.md of a release: the Hub's metadata, then the manifest as readable text.

    Args:
        manifest: as `bot.release.manifest.check_manifest` accepts it.
        license_name: the identifier of the license on the Hub, such as `apache-2.0`.
    """
    languages = sorted({leaf["language"] for leaf in manifest["leaves"]} - {""})
    metadata = {
        "license": license_name,
        **({"language": languages} if languages else {}),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": manifest["student"]["name"],
        "base_model_relation": "finetune",
        "tags": ["arborist", "instructlab", "lab"],
    }
    environment = Environment(  # noqa: S701  # Markdown; the filter `text` escapes text from outside
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["text"] = escape
    environment.globals |= {"questions": questions, "near_misses": near_misses}
    notes = remarks(leaf["exam"]["status"] for leaf in manifest["leaves"])
    body = environment.get_template("card.md.j2").render(
        manifest=manifest, remarks=notes, oldest=OLDEST, verification=how_to_verify(manifest)
    )
    return f"---\n{yaml.safe_dump(metadata, sort_keys=False)}---\n\n{body.strip()}\n"
