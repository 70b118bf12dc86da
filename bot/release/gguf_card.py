"""The card of a repository of GGUF files: which release they are, how they answer, and how to use them."""

from collections.abc import Mapping
from typing import Any

from huggingface_hub import ModelCardData

from bot.release.card_template import card_text, languages_of
from bot.release.gguf_rule import published
from bot.release.signature import verify_command

_ORDER = ["license", "language", "pipeline_tag", "base_model", "base_model_relation", "tags"]


def gguf_card(manifest: Mapping[str, Any], stated: Mapping[str, Any]) -> str:
    """Return the README.md of the GGUF files that belong to a release.

    Args:
        manifest: the manifest of the release.
        stated: the repository's part of the manifest.
    """
    return card_text(
        *("gguf_card.md.j2", _metadata(manifest), _ORDER),
        manifest=manifest,
        repository=stated["repository"],
        name=manifest["repository"].rpartition("/")[2],
        gguf=manifest["gguf"],
        file=published(manifest)[-1],
        verification=verify_command(manifest),
    )


def _metadata(manifest: Mapping[str, Any]) -> ModelCardData:
    data = ModelCardData(
        license=manifest["recipe"]["release"]["license"],
        language=languages_of(manifest) or None,
        pipeline_tag="text-generation",
        base_model=manifest["repository"],
        tags=["gguf", "llama.cpp", "ollama", "arborist", "instructlab", "lab"],
    )
    data["base_model_relation"] = "quantized"
    return data
