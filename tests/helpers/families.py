"""Families of models that transformers can train, each as a tiny configuration with random weights.

The table is the source of docs/students.md (`python -m tests.helpers.families` writes it).
"""

import gc
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.config.recipe import PhaseRecipe

PHASE = PhaseRecipe(learning_rate=1e-3, batch_tokens=220, epochs=1)
"""Two steps."""

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VOCABULARY = 259
"""All bytes and three special tokens."""

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
HEAD = {"head_dim": 8}
WIDE = {"head_dim": 16}
MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 16, "mamba_chunk_size": 8, "mamba_expand": 2}
LINEAR = {
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "layer_types": ["linear_attention", "full_attention"],
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
LOCAL_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
LATENT = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "num_key_value_heads": 4,
}
SLIDING = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 256}
STILL = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
QUIET = {"router_jitter_noise": 0.0, "input_jitter_noise": 0.0}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512} | STILL
OPT = {"ffn_dim": 48, "word_embed_proj_dim": 32, "dropout": 0.0}

EYE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
GEMMA4 = (
    SIZES
    | HEAD
    | SLIDING
    | {"global_head_dim": 16, "hidden_size_per_layer_input": 16, "vocab_size_per_layer_input": 512}
)

FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Bamba": ("bamba", SIZES | MAMBA | {"attn_layer_indices": [1]}),
    "Cohere (Command R)": ("cohere", SIZES),
    "Cohere 2": ("cohere2", SIZES | HEAD | SLIDING),
    "DeepSeek V3": ("deepseek_v3", SIZES | LATENT),
    "Falcon": ("falcon", SIZES | {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "Falcon H1": ("falcon_h1", SIZES | MAMBA | {"mamba_d_ssm": 64}),
    "Gemma": ("gemma", SIZES | HEAD),
    "Gemma 2": ("gemma2", SIZES | HEAD | SLIDING),
    "Gemma 3": ("gemma3_text", SIZES | HEAD | SLIDING),
    "Gemma 4": ("gemma4_text", GEMMA4),
    "Gemma 4 (with images)": (
        "gemma4",
        {"text_config": GEMMA4, "vision_config": EYE, "audio_config": None, "image_token_id": 99},
    ),
    "GLM 4": ("glm4", SIZES | HEAD),
    "GLM 4.5": ("glm4_moe", SIZES | HEAD | EXPERTS | {"n_routed_experts": 4}),
    "GPT-2": ("gpt2", GPT2),
    "GPT-NeoX (Pythia)": ("gpt_neox", SIZES),
    "gpt-oss": ("gpt_oss", SIZES | HEAD | SLIDING | LOCAL_EXPERTS | {"intermediate_size": 32}),
    "Granite 3": ("granite", SIZES),
    "Granite 4 (hybrid)": (
        "granitemoehybrid",
        SIZES
        | MAMBA
        | LOCAL_EXPERTS
        | {"layer_types": ["mamba", "attention"], "shared_intermediate_size": 48},
    ),
    "Jamba": (
        "jamba",
        SIZES
        | EXPERTS
        | {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_dt_rank": 8, "mamba_d_state": 16},
    ),
    "LFM2": ("lfm2", SIZES | {"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False}),
    "Llama": ("llama", SIZES),
    "Llama 4": (
        "llama4_text",
        SIZES | WIDE | LOCAL_EXPERTS | {"intermediate_size_mlp": 48, "attention_chunk_size": 256},
    ),
    "Mistral": ("mistral", SIZES),
    "Mixtral": ("mixtral", SIZES | LOCAL_EXPERTS),
    "Nemotron-H": (
        "nemotron_h",
        SIZES
        | HEAD
        | {
            "layers_block_type": ["mamba", "attention", "moe"],
            "num_hidden_layers": 3,
            "ssm_state_size": 16,
            "mamba_num_heads": 8,
            "mamba_head_dim": 8,
            "n_groups": 1,
            "chunk_size": 8,
            "n_routed_experts": 4,
            "moe_intermediate_size": 16,
            "moe_shared_expert_intermediate_size": 16,
        },
    ),
    "OLMo 2": ("olmo2", SIZES),
    "OLMoE": ("olmoe", SIZES | EXPERTS),
    "OPT": ("opt", SIZES | OPT),
    "Phi": ("phi", SIZES),
    "Phi-3, Phi-4": ("phi3", SIZES),
    "Phi-3.5 MoE": ("phimoe", SIZES | LOCAL_EXPERTS | QUIET),
    "Qwen 2, 2.5": ("qwen2", SIZES),
    "Qwen 3": ("qwen3", SIZES | HEAD),
    "Qwen 3 MoE": ("qwen3_moe", SIZES | HEAD | EXPERTS),
    "Qwen3-Next": (
        "qwen3_next",
        SIZES | WIDE | LINEAR | EXPERTS | {"shared_expert_intermediate_size": 16},
    ),
    "Qwen 3.5": ("qwen3_5_text", SIZES | WIDE | LINEAR),
    "Qwen 3.5 MoE": (
        "qwen3_5_moe_text",
        SIZES | WIDE | LINEAR | EXPERTS | {"shared_expert_intermediate_size": 16},
    ),
    "SmolLM3": ("smollm3", SIZES),
    "StableLM": ("stablelm", SIZES),
}
"""Name -> transformers' model type, and the fields of the configuration."""


def write_family(folder: Path, name: str) -> Path:
    """Save a tiny model of a family, with a tokenizer of bytes."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    kind, fields = FAMILIES[name]
    tokens = {"vocab_size": VOCABULARY, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    torch.manual_seed(7)
    if "text_config" in fields:
        fields = {**fields, "text_config": {**tokens, **fields["text_config"]}}
    config = AutoConfig.for_model(kind, **{**tokens, **fields})
    model: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def byte_tokenizer() -> Any:
    """Return a tokenizer with a token for each byte and three special ones, and ChatML's template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    words = special + sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE({word: place for place, word in enumerate(words)}, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    names = dict(zip(("pad_token", "bos_token", "eos_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=plain, chat_template=CHATML, **names)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Measured:
    """What was measured of a family: for each column of the page, whether it works."""

    packed: bool
    lora: bool
    neurons: bool
    zero2: bool
    zero3: bool

    def line(self, name: str) -> str:
        """Return the family's line of docs/students.md."""
        ways = ["packed" if self.packed else "padded"]
        return " | ".join([f"| {name}", *ways, *("yes" if one else "no" for one in astuple(self)[1:])]) + " |"


PAGE = """\
# Students

A student can be a causal language model that transformers loads without code of its own. A check refuses
some before anything is generated: weights quantized in another way than MXFP4, and chat templates that
change the prompt once the answer follows. `tests/train/test_families.py` trains a tiny configuration of each
family below by each method and engine, and holds this page to what it measures. `make docs` writes the page.

- **Rows.** *packed*: samples share rows without padding. *padded*: a row has one sample a line, of similar
  length. The loss of a step is the same. A check on the model itself decides when it is loaded: three samples
  of the run in one row must give what each gives alone, and none may influence another. The log says which
  way, and why. A family that is *packed* here is padded if a sample is longer than its sliding window.
- **LoRA** (`train.rank`), **new neurons** (`train.neurons`): *no*: the run stops with one line before
  anything is generated. Experts of a mixture of experts get no adapters.
- **ZeRO 2, ZeRO 3**: DeepSpeed gives the losses of plain PyTorch.
- **Mixtures of experts** keep the load-balancing loss that transformers computes for them, with the weight in
  `config.json` (`router_aux_loss_coef`), at most 0.02. The recorded loss is without it.
- **Images, sound.** Of a model that also takes these, only the part that reads text is trained.
- **4-bit weights** as gpt-oss's (MXFP4) are trained and saved in bf16; others are refused.
- **Chat templates** that can switch thinking on get `enable_thinking` and `thinking` as false, in training
  and in exams. What a template puts before an answer, such as an empty thought or gpt-oss's channel,
  belongs to the prompt. A system turn that a template forbids becomes part of the first question. A template
  that renders a prompt differently once the answer follows is refused before anything is generated.

Measured with transformers {version}.

| family | rows | LoRA | new neurons | ZeRO 2 | ZeRO 3 |
|---|---|---|---|---|---|
"""


def measure(name: str, folder: Path) -> Measured:
    """Train a tiny model of a family by each method and engine.

    Every model that is written must load like any model, with all its weights.

    Args:
        folder: an empty folder; the environment must describe a group of one process for DeepSpeed.
    """
    from transformers import AutoModelForCausalLM

    from bot.core.errors import UserError
    from bot.inference.models import load_tokenizer
    from bot.train.loop import open_backend, prepare, train
    from tests.helpers.training import job, last, losses, zero

    start = write_family(folder / "base", name)

    def curve(work: str, **changes: Any) -> list[float]:
        todo = job(start, folder / work, phase=PHASE, **changes)
        try:
            train(todo)
        except UserError:
            return []
        loaded: Any = AutoModelForCausalLM.from_pretrained(last(todo.work), output_loading_info=True)
        assert not loaded[1]["missing_keys"]
        return losses(todo.work)

    def engine(stage: int) -> list[float]:
        return curve(f"zero{stage}", deepspeed=zero(stage))

    tokenizer, todo = load_tokenizer(start), job(start, folder / "way", phase=PHASE)
    _, student = open_backend(todo, len(tokenizer), prepare(todo, tokenizer))
    plain = curve("plain")
    assert len(plain) == 2
    return Measured(
        not student.unpacked,
        bool(curve("rank", adds={"rank": 2})),
        bool(curve("neurons", adds={"neurons": 4})),
        *(close(engine(stage), plain) for stage in (2, 3)),
    )


def close(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether two loss curves are equal but for rounding."""
    return len(one) == len(other) and all(abs(a - b) <= 1e-3 * b for a, b in zip(one, other, strict=True))


@contextmanager
def group_of_one() -> Iterator[None]:
    """Describe a group of one process in the environment, for DeepSpeed."""
    import torch

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    one = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_SIZE": "1"}
    alone = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, **one}
    before = dict(os.environ)
    os.environ.update(alone)
    gc.freeze()  # DeepSpeed collects garbage for each model, which takes long with so many libraries
    try:
        yield
    finally:
        gc.unfreeze()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        os.environ.clear()
        os.environ.update(before)


def page() -> str:
    """Return docs/students.md, as measured now."""
    import transformers

    lines = []
    with group_of_one():
        for name in FAMILIES:
            with TemporaryDirectory() as folder:
                lines.append(measure(name, Path(folder)).line(name))
    return PAGE.format(version=transformers.__version__) + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
