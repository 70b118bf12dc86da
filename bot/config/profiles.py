"""Profiles: how vLLM and training run on a kind of machine. A repository's own override the shipped ones."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.schema import first_mistake

if TYPE_CHECKING:
    from bot.config.recipe import Recipe

SCHEMA = shipped("schemas/profile.json")
_VLLM_PACE = """
    block_size cpu_offload_gb data_parallel_size disable_log_stats enable_chunked_prefill
    enable_prefix_caching enforce_eager gpu_memory_utilization kv_cache_memory_bytes max_model_len
    max_num_batched_tokens max_num_seqs pipeline_parallel_size swap_space tensor_parallel_size
"""
VLLM_PACE = frozenset(_VLLM_PACE.split())
"""Arguments of vLLM that affect only speed and hardware. All others may change the answers."""
GIB = 2**30
_MACHINE = re.compile(rb"^machine:", re.MULTILINE)


@dataclass(frozen=True)
class Machine:
    """The kind of machine that a profile is for.

    Attributes:
        gpus: number of GPUs of each node; 0 for none.
        memory_gib: memory of each GPU in GiB; 0 without one.
        nodes: number of machines.
    """

    gpus: int
    memory_gib: float = 0
    nodes: int = 1

    def __str__(self) -> str:
        """Describe the machine: "2 nodes with 8 GPUs of 80 GiB each"."""
        if not self.gpus:
            return "no GPU"
        many = f"{self.gpus} GPUs of {self.memory_gib:g} GiB each"
        gpus = many if self.gpus > 1 else f"1 GPU of {self.memory_gib:g} GiB"
        return gpus if self.nodes == 1 else f"{self.nodes} nodes with {gpus}"


@dataclass(frozen=True)
class Profile:
    """How vLLM and training run on a kind of machine.

    Attributes:
        vllm: arguments of vLLM, with underscores in their names.
        deepspeed: settings of DeepSpeed; empty for plain PyTorch.
        processes: number of processes that train, on all nodes together.
        micro_batch: number of packed rows that a process computes at once.
        gradient_checkpointing: whether to recompute activations in the backward pass.
    """

    name: str
    machine: Machine
    vllm: Mapping[str, Any]
    deepspeed: Mapping[str, Any]
    processes: int
    micro_batch: int = 1
    gradient_checkpointing: bool = False

    @property
    def stage(self) -> int:
        """DeepSpeed's ZeRO stage; 0 without DeepSpeed."""
        return int(self.deepspeed["zero_optimization"]["stage"]) if self.deepspeed else 0

    def offloads(self, what: str) -> bool:
        """Return whether DeepSpeed keeps `optimizer` or `param` outside the GPU."""
        place = self.deepspeed.get("zero_optimization", {}).get(f"offload_{what}") or {}
        return str(place.get("device", "none")) != "none"

    def answers(self) -> dict[str, Any]:
        """Return the arguments of vLLM that may change the teacher's answers; they are part of keys.

        Arguments with the value `auto`, which is vLLM's default, are left out.
        """
        return {key: value for key, value in self.vllm.items() if key not in VLLM_PACE and value != "auto"}


def profile_of(recipe: "Recipe") -> Profile:
    """Return the profile that a recipe names; see `load_profile`."""
    return load_profile(recipe.profile, recipe.folder)


def load_profile(name: str, folder: Path) -> Profile:
    """Load and validate a profile.

    Args:
        folder: the folder of the recipe.

    Raises:
        UserError: the profile does not exist, does not match the schema, or its settings contradict each
            other. The message names the file and the setting.
    """
    path = _find(name, folder)
    data = _read(path)
    train = data["train"]
    found = Profile(
        name,
        Machine(**data["machine"]),
        {key.replace("-", "_"): value for key, value in data["vllm"].items()},
        data.get("deepspeed", {}),
        int(train["processes"]),
        int(train.get("micro_batch", 1)),
        train.get("gradient_checkpointing", False),
    )
    if contradiction := _contradiction(found):
        raise UserError(f"{path}: train.processes: {contradiction}", code=1)
    return found


def known_profiles(folder: Path) -> list[str]:
    """Return the names of the profiles beside a recipe and of the shipped ones.

    Files without `machine` are something else, such as values for a chart.

    Args:
        folder: the folder of the recipe.
    """
    files = [file for place in _places(folder) for file in place.glob("*.yaml")]
    return sorted({file.stem for file in files if _MACHINE.search(file.read_bytes())})


def _places(folder: Path) -> list[Path]:
    return list(dict.fromkeys([folder / "runners", shipped("runners")]))


def _find(name: str, folder: Path) -> Path:
    for place in _places(folder):
        if (place / f"{name}.yaml").is_file():
            return place / f"{name}.yaml"
    where = " or ".join(str(place) for place in _places(folder))
    known = ", ".join(known_profiles(folder))
    raise UserError(f"profile: {name!r} not found in {where}; choose one of {known}")


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}", code=1) from None
    if mistake := first_mistake(data, SCHEMA):
        raise UserError(f"{path}: {mistake[0]}: {' '.join(mistake[1].split())}", code=1)
    found: dict[str, Any] = data
    return found


def _contradiction(profile: Profile) -> str:
    """Return why the number of processes cannot be combined with the other settings; "" if it can."""
    processes, gpus = profile.processes, profile.machine.gpus * profile.machine.nodes
    if processes > 1 and not profile.deepspeed:
        return (
            f"{processes} processes need DeepSpeed; "
            "set for example `deepspeed: {zero_optimization: {stage: 2}}`"
        )
    if gpus and processes > gpus:
        return f"{processes} processes need as many GPUs, and `machine` has {gpus}"
    return ""
