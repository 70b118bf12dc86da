"""Loading of students for training with packed rows; models that do not support them are rejected."""

from pathlib import Path
from typing import Any

from transformers import GenerationConfig

from bot.core.errors import UserError
from bot.core.progress import say
from bot.inference.models import load_model
from bot.train.attention import NAME as ATTENTION

PACKED = {"attention", "full_attention", "sliding_attention"}
"""Layer types in transformers' configurations that support packed rows."""


def load_packed(folder: Path, precision: str, tokens: int) -> tuple[Any, bool]:
    """Load a model with packed attention; resize its embeddings if the vocabulary is larger.

    Args:
        tokens: size of the tokenizer's vocabulary.

    Returns:
        The model, and whether its embeddings grew.

    Raises:
        UserError: the model has layers in which samples of one row would influence each other.
    """
    try:
        model = load_model(folder, precision, attn_implementation=ATTENTION)
    except KeyError as error:
        if error.args != (ATTENTION,):
            raise
        # Older models have their own table of attention implementations.
        raise UserError(f"{folder}: its attention cannot be packed; choose another student") from None
    kinds = set(
        getattr(model.config, "layers_block_type", None) or getattr(model.config, "layer_types", None) or ()
    )
    if not kinds <= PACKED or not model.is_backend_compatible():
        raise UserError(
            f"{folder}: {type(model).__name__} cannot be trained: not all layers are standard attention "
            f"({', '.join(sorted(kinds - PACKED)) or 'custom layers'}); choose another student"
        )
    grown = tokens > model.get_input_embeddings().num_embeddings
    if grown:
        model.resize_token_embeddings(tokens)
    return model, grown


def window_of(config: Any) -> int | None:
    """Return the sliding window of a model, in tokens; None if no layer has one.

    Args:
        config: configuration of transformers. Some families set `sliding_window` without using it; then
            `layer_types` lists no sliding layer.
    """
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"]
    return getattr(config, "sliding_window", None) if "sliding_attention" in kinds else None


def fix_generation_config(model: Any) -> None:
    """Replace an invalid generation config, as some models on the Hub have, since it could not be saved."""
    config = model.generation_config
    try:
        config.validate(strict=True)
    except ValueError as error:
        why = " ".join(str(error).split())
        say(f"generation_config.json is invalid, so only its token IDs are kept: {why}")
        names = ("bos_token_id", "eos_token_id", "pad_token_id")
        kept = {name: getattr(config, name) for name in names}
        model.generation_config = GenerationConfig(**kept)  # type: ignore[no-untyped-call]
