"""Students as the loop takes them: packed rows, settings that can be saved, adapters; others are refused."""

from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from bot.errors import UserError
from bot.models import load_model
from bot.progress import say
from bot.train.attention import NAME as ATTENTION

# Kinds of layers that take packed rows, as configurations call them.
PACKED = {"attention", "full_attention", "sliding_attention"}


def load_packed(folder: Path, precision: str, tokens: int) -> tuple[Any, bool]:
    """A model that takes packed rows, and whether it had to grow to know all of the tokenizer's tokens.

    Raises:
        UserError: its layers are of a kind in which samples of one row would see each other.
    """
    try:
        model = load_model(folder, precision, attn_implementation=ATTENTION)
    except KeyError as error:
        if error.args != (ATTENTION,):
            raise
        # An older kind of model, which looks in a table of its own.
        raise UserError(f"{folder}: its attention cannot be packed; name another student") from None
    kinds = set(
        getattr(model.config, "layers_block_type", None) or getattr(model.config, "layer_types", None) or ()
    )
    if not kinds <= PACKED or not model.is_backend_compatible():
        raise UserError(
            f"{folder}: {type(model).__name__} cannot be trained: it has layers that are not plain attention "
            f"({', '.join(sorted(kinds - PACKED)) or 'of its own kind'}); name another student"
        )
    grown = tokens > model.get_input_embeddings().num_embeddings
    if grown:
        model.resize_token_embeddings(tokens)
    return model, grown


def window_of(config: Any) -> int | None:
    """How many tokens a model looks back, in some layer at least; None for all.

    Args:
        config: transformers', where the name is of use by some families only with layers of that kind.
    """
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"]
    return getattr(config, "sliding_window", None) if "sliding_attention" in kinds else None


def mend_generation(model: Any) -> None:
    """Models on the Hub have settings that contradict each other, with which none can be saved."""
    stated = model.generation_config
    try:
        stated.validate(strict=True)
    except ValueError as error:
        why = " ".join(str(error).split())
        say(f"generation_config.json contradicts itself; its tokens alone are kept: {why}")
        names = ("bos_token_id", "eos_token_id", "pad_token_id")
        kept = {name: getattr(stated, name) for name in names}
        model.generation_config = GenerationConfig(**kept)  # type: ignore[no-untyped-call]


def add_adapter(model: Any, rank: int, seed: int) -> Any:
    """The model with an adapter in every layer's matrices; what it had is left as it is."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
    # In the model's own precision, which is faster; the engine keeps float32 copies.
    return get_peft_model(model, config, autocast_adapter_dtype=False)
