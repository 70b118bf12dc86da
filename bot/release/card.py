"""The model card: what is in the release, who made it, and how it was examined."""

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.markdown import escape


def model_card(manifest: dict[str, Any], license_name: str) -> str:
    """README.md of a release: the Hub's metadata, then the manifest for people."""
    metadata = {
        "license": license_name,
        "language": ["en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": manifest["student"]["name"],
        "base_model_relation": "finetune",
        "tags": ["arborist", "instructlab", "lab"],
    }
    environment = Environment(  # noqa: S701  # Markdown; the filter `text` escapes what comes from outside
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["text"] = escape
    body = environment.get_template("card.md.j2").render(manifest=manifest)
    return f"---\n{yaml.safe_dump(metadata, sort_keys=False)}---\n\n{body.strip()}\n"
