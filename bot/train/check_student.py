"""Checks of a student before anything is generated for it, since they cost seconds, and generating hours."""

from collections.abc import Mapping
from pathlib import Path

from bot.core.errors import UserError
from bot.inference.models import hush, load_tokenizer
from bot.text.chat_template import check_template


def check_student(folder: Path, adds: Mapping[str, int]) -> None:
    """Check that a student can be trained, by its files; its weights are not loaded.

    Args:
        folder: the student's folder.
        adds: the setting that chooses the training method; see `bot.train.methods.chosen`.

    Raises:
        UserError: its architecture, its weights' form, its chat template or its layers do not allow it.
    """
    check_template(load_tokenizer(folder))
    hush()
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from bot.train.methods.neurons.blocks import gated_blocks
    from bot.train.student import check_quantization

    check_quantization(folder)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"{folder}: transformers has no causal language model for it: {reason}; choose another student"
        ) from None
    if "neurons" in adds:
        gated_blocks(model)
