"""Suggest a profile for this machine: what it has, and whether the recipe's models fit by each profile."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from itertools import groupby

from bot.config.profiles import GIB, Profile, known_profiles, load_profile
from bot.config.recipe import Recipe
from bot.core.diagnosis import Diagnosis
from bot.inference.model_shape import Shape, shape_of
from bot.inference.models import EMBEDDED, EMBEDDED_PARAMETERS
from bot.pipeline.estimate_training import host_gib, memory_gib

NEARLY = 0.9
"""The share of a profile's memory that a GPU must have: one that is sold with 24 GB has 22 to 24 GiB."""
UTILIZATION = 0.9
"""The share of a GPU's memory that vLLM takes, unless the profile says another."""
BESIDE_GIB = 2.0
"""Memory that an engine needs besides weights, and the least that is of use as cache."""
BYTES = {"fp8": 1.0, "awq": 0.6, "gptq": 0.6, "bitsandbytes": 0.6, "mxfp4": 0.6}
"""Bytes of a weight in vLLM by the profile's `quantization`; else it has two."""


@dataclass(frozen=True)
class Here:
    """What this machine has.

    Attributes:
        gpus: name and memory in GiB of each GPU.
        memory_gib: main memory, in GiB.
    """

    gpus: tuple[tuple[str, float], ...]
    cpus: int
    memory_gib: float

    @cached_property
    def gpu_gib(self) -> float:
        """The memory of the smallest GPU, in GiB; 0 without one."""
        return min((memory for _, memory in self.gpus), default=0.0)

    def suits(self, profile: Profile) -> bool:
        """Return whether a profile is for a machine like this one."""
        machine = profile.machine
        return (
            machine.nodes == 1
            and len(self.gpus) >= machine.gpus
            and (not machine.gpus or self.gpu_gib >= NEARLY * machine.memory_gib)
        )

    def __str__(self) -> str:
        """Describe the machine: "8 x NVIDIA H100 of 80 GiB, 64 CPU cores, 1000 GiB of memory"."""
        kinds = [(list(same), kind) for kind, same in groupby(sorted(self.gpus))]
        gpus = [f"{len(same)} x {name} of {memory:.0f} GiB" for same, (name, memory) in kinds]
        return ", ".join(
            [*(gpus or ["no GPU"]), f"{self.cpus} CPU cores, {self.memory_gib:.0f} GiB of memory"]
        )


@dataclass(frozen=True)
class Verdict:
    """Whether the recipe's models fit by a profile.

    Attributes:
        fits: whether all whose size is known fit.
        words: what each needs.
    """

    profile: Profile
    fits: bool
    words: str


def suggest(recipe: Recipe) -> Iterator[Diagnosis]:
    """Yield what this machine has, a line for each profile, and the profile to use.

    Raises:
        UserError: a profile is not valid.
    """
    known = [load_profile(name, recipe.folder) for name in known_profiles(recipe.folder)]
    here = this_machine()
    yield Diagnosis("machine", "ok", str(here))
    models = _Models(recipe, here)
    verdicts = [models.judge(profile) for profile in sorted(known, key=_size)]
    for verdict in verdicts:
        profile = verdict.profile
        if here.suits(profile):
            yield Diagnosis(profile.name, "ok" if verdict.fits else "advice", verdict.words)
        else:
            yield Diagnosis(profile.name, "unknown", f"is for {profile.machine}; {verdict.words}")
    yield _choice([verdict for verdict in verdicts if here.suits(verdict.profile)], verdicts, recipe)


def _size(profile: Profile) -> float:
    """Return the memory of all GPUs that a profile is for, in GiB."""
    return profile.machine.gpus * profile.machine.memory_gib * profile.machine.nodes


def _choice(suiting: list[Verdict], every: list[Verdict], recipe: Recipe) -> Diagnosis:
    """Return the profile to use: the largest that holds the models.

    Args:
        suiting: the verdicts of profiles for this machine, sorted by size.
        every: the verdicts of all profiles, sorted by size.
    """
    fitting = [verdict for verdict in suiting if verdict.fits]
    if not fitting:
        others = [verdict.profile for verdict in every if verdict.fits]
        larger = f", or a machine of {others[0].name} ({others[0].machine})" if others else ""
        hint = f"choose smaller models or an adapter (`train.rank`){larger}"
        return Diagnosis("profile", "missing", f"none for this machine holds the recipe's models; {hint}")
    name = fitting[-1].profile.name
    why = f"{name}: the largest profile for this machine that holds the recipe's models"
    same = name == recipe.profile
    change = f"set `profile: {name}` in arborist.yaml, which has {recipe.profile}"
    return Diagnosis(
        "profile", "ok" if same else "advice", f"{why}; {'as arborist.yaml says' if same else change}"
    )


class _Models:
    """The recipe's student and teacher, whose sizes are looked up once.

    Args:
        here: this machine.
    """

    def __init__(self, recipe: Recipe, here: Here) -> None:
        self.recipe, self.here = recipe, here
        self.shape = shape_of(recipe.student.model)
        self.student = round(recipe.student.parameters) or _weights(recipe.student.model, self.shape)
        teacher = recipe.teacher.model
        self.endpoint = recipe.teacher.url
        self.teacher = 0 if self.endpoint else _weights(teacher, shape_of(teacher))

    def judge(self, profile: Profile) -> Verdict:
        """Return whether student and teacher fit: on this machine if a profile suits it, else on its own."""
        suits, machine = self.here.suits(profile), profile.machine
        gpu = self.here.gpu_gib if suits and machine.gpus else machine.memory_gib
        main = self.here.memory_gib if suits else 0.0
        parts = [
            self._student(profile, gpu, main),
            self._exam(profile, gpu, main),
            self._teacher(profile, gpu, main),
        ]
        words = "; ".join(said for _, said in parts if said)
        return Verdict(profile, all(fits for fits, _ in parts), words)

    def _student(self, profile: Profile, gpu: float, main: float) -> tuple[bool, str]:
        if not self.student:
            return True, f"the size of {self.recipe.student.model} is unknown: set student.parameters"
        recipe = replace(self.recipe, profile=profile.name)
        needed = memory_gib(self.student, recipe, self.shape)
        beside = host_gib(self.student, recipe, self.shape)
        if not profile.machine.gpus:
            return _fits("training", [(needed, main, "main memory")])
        return _fits("training", [(needed, gpu, "each GPU"), (beside, main, "main memory")])

    def _exam(self, profile: Profile, gpu: float, main: float) -> tuple[bool, str]:
        """Return whether one device holds the whole student, and the words for it, if its size is known."""
        if not self.student:
            return True, ""
        size, there, where = (2, gpu, "one GPU") if profile.machine.gpus else (4, main, "main memory")
        return _fits("an exam", [(self.student * size / GIB + BESIDE_GIB, there, where)])

    def _teacher(self, profile: Profile, gpu: float, main: float) -> tuple[bool, str]:
        if self.endpoint:
            return True, f"the teacher is at {self.endpoint}"
        if not self.teacher:
            return True, f"the size of {self.recipe.teacher.model} is unknown"
        vllm = profile.vllm if self.recipe.teacher.engine != "transformers" else {}
        weights = self.teacher * BYTES.get(vllm.get("quantization", ""), 2.0) / GIB
        if not profile.machine.gpus:
            cache = vllm.get("kv_cache_memory_bytes", 0) / GIB
            return _fits("the teacher", [(weights + cache + BESIDE_GIB, main, "main memory")])
        shards = vllm.get("tensor_parallel_size", 1) * vllm.get("pipeline_parallel_size", 1)
        room = gpu * vllm.get("gpu_memory_utilization", UTILIZATION)
        return _fits("the teacher", [(weights / shards + BESIDE_GIB, room, "each GPU")])


def _fits(what: str, needs: list[tuple[float, float, str]]) -> tuple[bool, str]:
    """Return whether something fits, and the words for it.

    Args:
        needs: what is needed and what there is, in GiB, and of which memory; there is 0 where it is unknown.
    """
    asked = [
        f"{needed:.1f}{f' of {there:.0f}' if there else ''} GiB of {memory}"
        for needed, there, memory in needs
        if needed
    ]
    fits = all(needed <= there for needed, there, _ in needs if there)
    return fits, f"{what} needs {' and '.join(asked)}: {'fits' if fits else 'does not fit'}"


def _weights(model: str, shape: Shape | None) -> int:
    """Return the number of a model's weights; 0 if unknown."""
    if model == EMBEDDED:
        return EMBEDDED_PARAMETERS
    return shape.parameters if shape else 0


def this_machine() -> Here:
    """Return what this machine has."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return Here(tuple(_gpus()), len(os.sched_getaffinity(0)), memory)


def _gpus() -> list[tuple[str, float]]:
    """Return name and memory in GiB of each GPU, as nvidia-smi says, or else torch if it is installed."""
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        rows = [line.rpartition(",") for line in done.stdout.splitlines()] if done.returncode == 0 else []
        found = [(name.strip(), float(mib) / 1024) for name, _, mib in rows if mib.strip().isdecimal()]
        if found:
            return found
    if find_spec("torch") is None:
        return []
    import torch

    every = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return [(one.name, one.total_memory / GIB) for one in every]
