"""The size of a model, from its config.json on this machine or on the Hub; weights are never loaded."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.hub_address import endpoint
from bot.inference.models import file_at_hand

CONFIG = "config.json"
TIMEOUT_S = 10


@dataclass(frozen=True)
class Shape:
    """The size of a model.

    Attributes:
        layers: number of layers.
        hidden: hidden size.
        parameters: number of parameters, estimated from the config; for mixtures of experts, of all experts.
    """

    layers: int
    hidden: int
    parameters: int


def shape_at_hand(model: str) -> Shape | None:
    """Return a model's shape if its config.json is on this machine and has the sizes, else None."""
    file = file_at_hand(model, CONFIG)
    return _shape(json.loads(file.read_text())) if file else None


def shape_of(model: str) -> Shape | None:
    """Return a model's shape; if config.json is not on this machine, request it from the Hub.

    Args:
        model: see `bot.inference.models.model_folder`.

    Returns:
        The shape; None if neither this machine nor the Hub has a config.json with the sizes.
    """
    found = shape_at_hand(model)
    if found or file_at_hand(model, CONFIG) or "/" not in model or Path(model).exists():
        return found
    import httpx2
    from huggingface_hub import get_token, hf_hub_url

    name, _, revision = model.partition("@")
    try:
        url = hf_hub_url(name, CONFIG, revision=revision or None, endpoint=endpoint())
        token = get_token()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = httpx2.get(url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True)
        return _shape(answer.json()) if answer.status_code == httpx2.codes.OK else None
    except (httpx2.HTTPError, ValueError):
        # The model does not exist or the Hub is unreachable; the estimate then reports the size as unknown.
        return None


def _shape(config: Any) -> Shape | None:
    config = config.get("text_config", config)
    try:
        layers, hidden = int(config["num_hidden_layers"]), int(config["hidden_size"])
        heads = int(config["num_attention_heads"])
    except (KeyError, TypeError, ValueError):
        return None
    size = int(config.get("head_dim") or hidden // heads)
    keys = int(config.get("num_key_value_heads") or heads)
    experts = int(config.get("num_local_experts") or config.get("num_experts") or 1)
    inner = int(config.get("moe_intermediate_size") or config.get("intermediate_size") or 4 * hidden)
    attention = 2 * hidden * size * (heads + keys)
    embedded = int(config.get("vocab_size") or 0) * hidden * (1 if config.get("tie_word_embeddings") else 2)
    # Gemma's embeddings for each layer.
    embedded += (
        layers
        * int(config.get("hidden_size_per_layer_input") or 0)
        * int(config.get("vocab_size_per_layer_input") or 0)
    )
    return Shape(layers, hidden, layers * (attention + 3 * hidden * inner * experts) + embedded)
