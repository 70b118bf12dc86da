"""What all cards share: Markdown templates, the Hub's metadata before them, and the leaves' languages.

In the templates, text from outside goes through the filters `code` and `prose`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import CardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.text.escape_markdown import as_code, as_prose


def card_text(template: str, metadata: CardData, order: Sequence[str], **values: Any) -> str:
    """Return a card: metadata as YAML, then the rendered template.

    Args:
        template: the template's file in this folder.
        order: the names of the first metadata, in the order in which they are written.
        values: what the template shows.
    """
    environment = Environment(  # noqa: S701  # Markdown; see above
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": as_code, "prose": as_prose}
    body = environment.get_template(template).render(values)
    return f"---\n{metadata.to_yaml(original_order=list(order))}\n---\n\n{body.strip()}\n"


def languages_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the codes of the languages of a release's leaves; a leaf's may be unknown."""
    return sorted({str(leaf["language"]) for leaf in manifest["leaves"]} - {""})
