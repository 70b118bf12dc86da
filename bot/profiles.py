"""Profiles: how an engine runs on a kind of machine. A repository's own go before the shipped ones."""

from pathlib import Path
from typing import Any

import yaml

from bot.errors import UserError
from bot.shipped import shipped

SUFFIX = {"vllm": ".yaml", "deepspeed": ".json"}
_VLLM_PACE = """
    block_size cpu_offload_gb data_parallel_size disable_log_stats enable_chunked_prefill
    enable_prefix_caching enforce_eager gpu_memory_utilization kv_cache_memory_bytes max_model_len
    max_num_batched_tokens max_num_seqs pipeline_parallel_size swap_space tensor_parallel_size
"""
VLLM_PACE = frozenset(_VLLM_PACE.split())
"""Arguments of vLLM that say how fast it runs and on what. All others may change its answers."""
_DEEPSPEED_PACE = """
    activation_checkpointing aio comms_logger dump_state steps_per_print wall_clock_breakdown
    zero_optimization
"""
DEEPSPEED_PACE = frozenset(_DEEPSPEED_PACE.split())
"""What a DeepSpeed profile may state. All else would change what is learnt, so the recipe states it."""


def find_profile(setting: str, engine: str, name: str, folder: Path) -> Path:
    """The file of a profile.

    Args:
        setting: what of the recipe names it, for the message.
        engine: vllm or deepspeed.
        folder: the recipe's.

    Raises:
        UserError: there is no such profile.
    """
    places = [folder / "runners" / engine, shipped(f"runners/{engine}")]
    for place in places:
        if (place / f"{name}{SUFFIX[engine]}").is_file():
            return place / f"{name}{SUFFIX[engine]}"
    known = sorted({file.stem for place in places for file in place.glob(f"*{SUFFIX[engine]}")})
    where = " or ".join(str(place) for place in dict.fromkeys(places))
    raise UserError(f"{setting}: there is no profile {name!r} in {where}; there are {', '.join(known)}")


def vllm_profile(name: str, folder: Path) -> dict[str, Any]:
    """vLLM's arguments in a profile, as Python names them.

    Raises:
        UserError: there is no such profile, or it is no mapping.
    """
    stated = _read(find_profile("teacher.profile", "vllm", name, folder))
    return {key.replace("-", "_"): value for key, value in stated.items()}


def vllm_answers(name: str, folder: Path) -> dict[str, Any]:
    """What of a profile may change the teacher's answers, for keys; `auto` is what vLLM does without it."""
    stated = vllm_profile(name, folder)
    return {key: value for key, value in stated.items() if key not in VLLM_PACE and value != "auto"}


def deepspeed_profile(name: str, folder: Path) -> str:
    """The path of a DeepSpeed profile; "" for none.

    Raises:
        UserError: there is no such profile, or it states what the recipe states.
    """
    if not name:
        return ""
    path = find_profile("train.deepspeed", "deepspeed", name, folder)
    stated = _read(path)
    others = sorted(map(str, stated.keys() - DEEPSPEED_PACE))
    if others:
        raise UserError(
            f"{path}: {', '.join(others)}: a profile states {', '.join(sorted(DEEPSPEED_PACE))} only"
        )
    zero = stated.get("zero_optimization")
    if not isinstance(zero, dict) or not isinstance(zero.get("stage"), int):
        raise UserError(f"{path}: zero_optimization.stage is missing; give 1, 2 or 3")
    return str(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        stated = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)  # JSON is YAML, too
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}", code=1) from None
    if not isinstance(stated, dict):
        raise UserError(f"{path}: a profile is a mapping of arguments to values", code=1)
    return stated
