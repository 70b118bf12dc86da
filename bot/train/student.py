"""Loading a model for training: its rows are packed where that is proven exact on this very model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig

from bot.core.errors import UserError
from bot.core.progress import say
from bot.inference.models import load_model
from bot.train.attention import NAME as ATTENTION
from bot.train.loss import balanced_loss, row_logits, row_loss
from bot.train.packing import Encoded, Row, pack, split_step
from bot.train.padding import padded, split_padded

NEAR = {"fp32": 1e-3, "bf16": 0.1}
"""Maximum difference of the logits of packed samples from those of single ones, relative to their norm. That
samples do not influence each other is checked exactly; this bound catches wrong positions and windows, which
differ by half and more. In bf16, SmolLM2-135M differs by 0.02."""
MOST_BALANCE = 0.02
"""Maximum weight of the load-balancing loss. Mixtral has this weight in its config.json, most others less;
gpt-oss's 0.9 would outweigh the loss of the samples."""


@dataclass(frozen=True)
class Student:
    """A model to train, and how its rows are made.

    Attributes:
        model: the model to call in the forward pass.
        unpacked: why its rows cannot be packed; "" if they are packed.
        grown: whether the embeddings were enlarged for the tokenizer's vocabulary.
        balance: weight of the load-balancing loss of a mixture of experts; 0 without one.
    """

    model: Any
    unpacked: str
    grown: bool = False
    balance: float = 0.0

    def row(self, samples: Sequence[Encoded]) -> Row:
        """Return samples as one row."""
        return padded(samples) if self.unpacked else pack(samples)

    def rows(self, step: Sequence[int], lengths: Sequence[int], room: int, processes: int) -> list[list[int]]:
        """Distribute a step's samples over rows; see `split_step`."""
        split = split_padded if self.unpacked else split_step
        return split(step, lengths, room, processes)

    def losses(self, row: Row) -> tuple[Tensor, Tensor | float]:
        """Return a row's cross entropy, summed over its learned tokens, and its weighted balancing loss."""
        if not self.balance:
            return row_loss(self.model, row), 0.0
        loss, balance = balanced_loss(self.model, row)
        return loss, self.balance * len(row.predict) * balance


def load_student(folder: Path, precision: str, tokens: int, samples: Sequence[Encoded]) -> Student:
    """Load a model; check whether its rows can be packed; resize its embeddings if the vocabulary is larger.

    Args:
        tokens: size of the tokenizer's vocabulary.
        samples: the samples of the run; three of them are used for the check.
    """
    model = _load(folder, precision)
    grown = tokens > model.get_input_embeddings().num_embeddings
    if grown:
        model.resize_token_embeddings(tokens)
    return Student(model, _set_packing(model, samples, NEAR[precision]), grown, _balance(model))


def _load(folder: Path, precision: str) -> Any:
    """Load a model; gpt-oss's weights, which are in 4 bits on the Hub, are dequantized.

    Raises:
        UserError: the weights are quantized in another way.
    """
    quantized = quantization(folder)
    if not quantized:
        return load_model(folder, precision)
    check_quantization(folder)
    from transformers.utils.quantization_config import Mxfp4Config

    model = load_model(folder, precision, quantization_config=Mxfp4Config(dequantize=True))
    # transformers would save the weights under the names of the quantized ones, which do not load again.
    del model._weight_conversions
    return model


def check_quantization(folder: Path) -> None:
    """Check that a model's weights can be trained.

    Raises:
        UserError: they are quantized, and not as gpt-oss's are.
    """
    quantized = quantization(folder)
    if quantized not in ("", "mxfp4"):
        raise UserError(
            f"{folder}: the weights are quantized ({quantized}), and quantized weights cannot be trained; "
            "choose a student with weights in bf16"
        )


def quantization(folder: Path) -> str:
    """Return how a model's weights are quantized, by its config.json; "" if they are not."""
    file = folder / "config.json"
    config = json.loads(file.read_text()) if file.exists() else {}
    return str((config.get("quantization_config") or {}).get("quant_method", ""))


def _balance(model: Any) -> float:
    """Return the weight of a model's load-balancing loss; 0 if transformers does not compute one for it."""
    if "output_router_logits" not in signature(model.forward).parameters:
        return 0.0
    return min(getattr(model.config, "router_aux_loss_coef", 0.0), MOST_BALANCE)


def _set_packing(model: Any, samples: Sequence[Encoded], near: float) -> str:
    """Set packed attention if it gives the same as one sample at a time; otherwise return why not.

    Args:
        near: maximum relative difference of the logits.
    """
    by_length = sorted(samples, key=lambda sample: len(sample.ids))
    # The longest shows whether all fit in the model's window; it comes first, so that the others follow it.
    three = [by_length[-1], *by_length[:2]][: len(samples)]
    own = model.config._attn_implementation
    with torch.no_grad():
        alone = torch.cat([row_logits(model, padded([sample])) for sample in three])
    model.set_attn_implementation(ATTENTION)
    try:
        why = _differs(model, pack(three), alone, near)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a model raises that does not know packed rows
        why = " ".join(str(error).split()) or type(error).__name__
    why = _of_any_process(why)
    if why:
        model.set_attn_implementation(own)
    return why


def _of_any_process(why: str) -> str:
    """Return why any process that trains along cannot pack, so that all of them make the same rows.

    Machines may differ: what one computes exactly, another may not.
    """
    if not torch.distributed.is_initialized():
        return why
    reasons = [""] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(reasons, why)
    return next(filter(None, reasons), "")


def _differs(model: Any, row: Row, alone: Tensor, near: float) -> str:
    """Return how a packed row's result differs from that of single samples; "" if it does not.

    A gradient that is not zero shows that a sample influences another one, in any precision.

    Args:
        alone: the logits of single samples.
        near: maximum relative difference of the logits.
    """
    if model.config._attn_implementation != ATTENTION or row.packed is None:
        return "it does not take another attention function"
    embedded: list[Tensor] = []

    def keep(module: Any, inputs: Any, output: Tensor) -> Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[-1]

    hook = model.get_input_embeddings().register_forward_hook(keep)
    try:
        logits = row_logits(model, row)
    finally:
        hook.remove()
    last = row.packed.branches()[-1]
    own = row.predict >= last.start
    [gradient] = torch.autograd.grad(logits[own.to(logits.device)].square().sum(), embedded[:1])
    if gradient[0, row.packed.prefix : last.start].any():
        return "a sample influences the next one in a packed row"
    difference = float((logits.detach() - alone).norm() / alone.norm())
    return "" if difference <= near else f"packed samples give other logits, by {difference:.0%}"


def freeze_embeddings(model: Any, *, grown: bool) -> None:
    """Freeze the embeddings, and weights that no text reaches, such as those of a vision tower.

    New names consist of known tokens, and the layers learn. Only embeddings that grew must learn, too.
    """
    decoder, words = model.get_decoder(), model.get_output_embeddings()
    reached = {id(weight) for part in (decoder, words) if part is not None for weight in part.parameters()}
    for weight in model.parameters():
        if id(weight) not in reached:
            weight.requires_grad_(False)
    for part in decoder.modules():
        if isinstance(part, torch.nn.Embedding):
            part.weight.requires_grad_(False)
    model.get_input_embeddings().weight.requires_grad_(grown)


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
