"""A model's shape out of its config.json: at hand, or by one small request to the Hub; never its weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.models import file_at_hand
from bot.release.hub import endpoint

CONFIG = "config.json"
TIMEOUT_S = 10


@dataclass(frozen=True)
class Shape:
    """How deep and how wide a model is.

    Attributes:
        parameters: its weights, counted by the config; of mixtures of experts all experts.
    """

    layers: int
    hidden: int
    parameters: int


def shape_at_hand(model: str) -> Shape | None:
    """The shape of a model whose config.json is on this machine; None if it is not, or says no shape."""
    file = file_at_hand(model, CONFIG)
    return _shape(json.loads(file.read_text())) if file else None


def shape_of(model: str) -> Shape | None:
    """The shape of a model; config.json is asked of the Hub where it is not at hand. None if nobody knows."""
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
        # No such model, or no way to the Hub: the estimate says that nothing is known.
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
    return Shape(layers, hidden, layers * (attention + 3 * hidden * inner * experts) + embedded)
