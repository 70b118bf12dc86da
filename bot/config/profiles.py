"""Profiles: how an engine runs on a kind of machine. A repository's profiles override the shipped ones."""

from pathlib import Path
from typing import Any

import yaml

from bot.core.errors import UserError
from bot.core.package_files import shipped

SUFFIX = {"vllm": ".yaml", "deepspeed": ".json"}
_VLLM_PACE = """
    block_size cpu_offload_gb data_parallel_size disable_log_stats enable_chunked_prefill
    enable_prefix_caching enforce_eager gpu_memory_utilization kv_cache_memory_bytes max_model_len
    max_num_batched_tokens max_num_seqs pipeline_parallel_size swap_space tensor_parallel_size
"""
VLLM_PACE = frozenset(_VLLM_PACE.split())
"""Arguments of vLLM that affect only speed and hardware. All others may change the answers."""
_DEEPSPEED_PACE = """
    activation_checkpointing aio comms_logger dump_state steps_per_print wall_clock_breakdown
    zero_optimization
"""
DEEPSPEED_PACE = frozenset(_DEEPSPEED_PACE.split())
"""The settings that a DeepSpeed profile may have. All others would change the trained model, so they come
from the recipe."""


def find_profile(setting: str, engine: str, name: str, folder: Path) -> Path:
    """Return the path of a profile.

    Args:
        setting: the recipe's setting that names the profile, for the error message.
        engine: `vllm` or `deepspeed`.
        folder: the folder of the recipe.

    Raises:
        UserError: the profile does not exist.
    """
    places = [folder / "runners" / engine, shipped(f"runners/{engine}")]
    for place in places:
        if (place / f"{name}{SUFFIX[engine]}").is_file():
            return place / f"{name}{SUFFIX[engine]}"
    known = sorted({file.stem for place in places for file in place.glob(f"*{SUFFIX[engine]}")})
    where = " or ".join(str(place) for place in dict.fromkeys(places))
    raise UserError(f"{setting}: profile {name!r} not found in {where}; choose one of {', '.join(known)}")


def vllm_profile(name: str, folder: Path) -> dict[str, Any]:
    """Return the arguments of vLLM in a profile, with underscores in their names.

    Raises:
        UserError: the profile does not exist or is not a mapping.
    """
    arguments = _read(find_profile("teacher.profile", "vllm", name, folder))
    return {key.replace("-", "_"): value for key, value in arguments.items()}


def vllm_answers(name: str, folder: Path) -> dict[str, Any]:
    """Return the arguments of a vLLM profile that may change the teacher's answers; they are part of keys.

    Arguments with the value `auto`, which is vLLM's default, are left out.
    """
    arguments = vllm_profile(name, folder)
    return {key: value for key, value in arguments.items() if key not in VLLM_PACE and value != "auto"}


def deepspeed_profile(name: str, folder: Path) -> str:
    """Return the path of a DeepSpeed profile; "" if `name` is empty.

    Raises:
        UserError: the profile does not exist, has no ZeRO stage, or has a setting that comes from the recipe.
    """
    if not name:
        return ""
    path = find_profile("train.deepspeed", "deepspeed", name, folder)
    settings = _read(path)
    others = sorted(map(str, settings.keys() - DEEPSPEED_PACE))
    if others:
        raise UserError(
            f"{path}: {', '.join(others)}: not allowed in a profile, which may have only "
            f"{', '.join(sorted(DEEPSPEED_PACE))}; remove it"
        )
    zero = settings.get("zero_optimization")
    if not isinstance(zero, dict) or not isinstance(zero.get("stage"), int):
        raise UserError(f"{path}: zero_optimization.stage is missing; set it to 1, 2 or 3")
    return str(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)  # JSON is valid YAML
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}", code=1) from None
    if not isinstance(settings, dict):
        raise UserError(f"{path}: not a mapping; a profile maps arguments to values", code=1)
    return settings
