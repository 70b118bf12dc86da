"""Estimate of the tokens, steps, memory and time of training, before anything is generated.

Tokens are estimated from the seeds' characters, memory from mixed-precision Adam (ZeRO, arXiv 1910.02054)
and activations (arXiv 2205.05198), time from six floating point operations per weight and token (arXiv
2001.08361).
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from bot.config.device import PEAK
from bot.config.profiles import GIB, profile_of
from bot.config.recipe import GeneralRecipe, PhaseRecipe, Recipe
from bot.core.durations import readable
from bot.core.errors import UserError
from bot.generate.contrast import most_questions
from bot.generate.general_replay import general_prompts
from bot.generate.prompting import PASSAGES
from bot.inference.model_shape import Shape, shape_at_hand
from bot.inference.models import EMBEDDED, EMBEDDED_PARAMETERS
from bot.pipeline.training_speed import GENERAL_TOKENS, GIVEN, Speed, layers_of, steps_of
from bot.taxonomy.leaf import Leaf
from bot.train.checkpoint import checkpoint_bytes
from bot.train.methods import chosen, method_of

LETTERS_A_TOKEN = 4.0
"""Characters per token, for English."""
TEMPLATE_TOKENS = 20
"""Tokens that the chat template adds to a conversation."""
PROCESS_GIB = 2.0
"""Memory of a process besides weights and activations: libraries, logits, the allocator's cache. Training 128
new neurons per layer on a CPU used 2.8 GB in total."""


@dataclass(frozen=True)
class PhasePlan:
    """The estimate of a phase; `samples` counts one epoch, `tokens` and `steps` all epochs."""

    phase: str
    samples: int
    tokens: int
    steps: int
    seconds: float


@dataclass(frozen=True)
class TrainingPlan:
    """The estimate of training.

    Attributes:
        parameters: number of the student's weights.
        device: a key of PEAK.
        profile: name of the recipe's profile.
        devices: number of devices, from the profile.
        memory_gib: peak memory per device.
        device_gib: the memory that each device has by the profile; None without a GPU.
        host_gib: what DeepSpeed keeps in the memory of each machine instead.
    """

    parameters: int
    device: str
    profile: str
    devices: int
    memory_gib: float
    device_gib: float | None
    host_gib: float
    phases: tuple[PhasePlan, ...]

    @property
    def fits(self) -> str:
        """Whether the training fits into the devices' memory, as a sentence."""
        memory = f"about {self.memory_gib:.1f} GiB of memory on each device"
        if self.host_gib:
            memory = f"about {self.host_gib:.0f} GiB of the machine's memory, and {memory}"
        needed = f"It needs {memory}"
        if self.device_gib is None:
            return f"{needed}."
        needed = f"{needed}, which has {self.device_gib:g} GiB by the profile {self.profile}"
        if self.memory_gib <= self.device_gib:
            return f"{needed}: it fits."
        return f"{needed}: it does not fit. Choose another `profile`, or train an adapter (`train.rank`)."

    @property
    def note(self) -> str:
        """What the estimate includes, and whether the training fits."""
        together = readable(sum(phase.seconds for phase in self.phases))
        return (
            f"About {together} together, by formula and not measured; the number of devices is that of "
            f"the profile {self.profile}. Loading models, generating samples, exams (also with passages), "
            "tasks of lm-evaluation-harness and GGUF files come on top; how long they take is known after a "
            f"first run. {self.fits}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as plain data; see schemas/training-plan.json."""
        return {"version": 1, **asdict(self)}

    def table(self) -> Table:
        """Return the estimate as a table for the terminal."""
        on = f"{self.parameters / 1e9:.2f} B weights on {self.devices} x {self.device}"
        table = Table("phase", "samples", "tokens", "steps", "time", title=f"Estimate of the training: {on}")
        for phase in self.phases:
            numbers = (f"{number:,}" for number in (phase.samples, phase.tokens, phase.steps))
            table.add_row(phase.phase, *numbers, readable(phase.seconds))
        return table


def plan_training(leaves: Sequence[Leaf], recipe: Recipe, device: str = "cpu") -> TrainingPlan:
    """Estimate the training of a taxonomy under a recipe.

    Args:
        device: a key of PEAK; the recipe's profile has their number.

    Raises:
        UserError: the device is unknown, or the student's size is.
    """
    if device not in PEAK:
        raise UserError(f"--device {device}: unknown device; choose one of {', '.join(PEAK)}")
    size, shape = parameters(recipe), shape_at_hand(recipe.student.model)
    knowledge = [leaf for leaf in leaves if leaf.kind == "knowledge"]
    skills = [leaf for leaf in leaves if leaf.kind != "knowledge"]
    train = recipe.train
    method = method_of(chosen(train))
    replayed = train.skills.replay if method.learns("replayed") else 0.0
    first, second = _amount(knowledge, recipe), _amount(skills, recipe)
    count = _general(knowledge, train.general) if method.learns("general") else 0
    general = (count, count * GENERAL_TOKENS)
    parts = {
        "knowledge": [first, *([second] if train.method == "stacked" else []), general],
        "skills": []
        if train.method == "stacked"
        else [second, _share(first, replayed), _searched(knowledge, first, recipe), general],
    }
    speed = Speed(size, layers_of(size, shape), recipe, device)
    phases = tuple(
        _phase(name, parts[name], phase, speed)
        for name, phase in (("knowledge", train.knowledge), ("skills", train.skills))
        if sum(samples for samples, _ in parts[name])
    )
    profile = profile_of(recipe)
    return TrainingPlan(
        *(size, device, profile.name, profile.processes, memory_gib(size, recipe, shape)),
        device_gib=profile.machine.memory_gib or None,
        host_gib=host_gib(size, recipe, shape),
        phases=phases,
    )


def _general(knowledge: Sequence[Leaf], wanted: GeneralRecipe) -> int:
    """Return the number of general requests in a phase, with at most this many contrast questions."""
    if not wanted.samples:
        return 0
    shipped = wanted.samples if wanted.dataset else min(wanted.samples, len(general_prompts()))
    return shipped + sum(map(most_questions, knowledge))


def _phase(name: str, parts: Sequence[tuple[int, int]], phase: PhaseRecipe, speed: Speed) -> PhasePlan:
    samples, tokens = (sum(part[place] for part in parts) for place in (0, 1))
    learnt = round(tokens * phase.epochs * phase.ensemble)
    return PhasePlan(name, samples, learnt, steps_of(learnt, phase), speed.seconds(learnt, phase))


def _amount(leaves: Sequence[Leaf], recipe: Recipe) -> tuple[int, int]:
    """Return the number of samples of leaves and of their tokens.

    A sample is assumed to be as long as the average seed example of its leaf.
    """
    samples, tokens = 0, 0.0
    for leaf in leaves:
        given = GIVEN["knowledge" if leaf.kind == "knowledge" else "skills"]
        each = round(recipe.generate.samples * (given if recipe.generate.pipeline == "small" else 1))
        samples += each
        letters = [
            len(pair.question) + len(pair.answer) + len(seed.context or "") * leaf.grounded
            for seed in leaf.seeds
            for pair in seed.pairs
        ]
        tokens += each * (TEMPLATE_TOKENS + sum(letters) / max(1, len(letters)) / LETTERS_A_TOKEN)
    return samples, round(tokens)


def _share(part: tuple[int, int], share: float) -> tuple[int, int]:
    return round(share * part[0]), round(share * part[1])


def _searched(leaves: Sequence[Leaf], part: tuple[int, int], recipe: Recipe) -> tuple[int, int]:
    """Return the number of retrieval samples, each with PASSAGES passages, and of their tokens."""
    samples, tokens = _share(part, recipe.train.skills.retrieval)
    letters = [len(seed.context or "") for leaf in leaves for seed in leaf.seeds]
    passage = sum(letters) / max(1, len(letters)) / LETTERS_A_TOKEN
    return samples, round(tokens + samples * PASSAGES * passage)


def memory_gib(size: int, recipe: Recipe, shape: Shape | None = None) -> float:
    """Return the estimated memory per device, in GiB.

    Weights and gradients are in the recipe's precision and Adam in float32, sharded by the profile's ZeRO
    stage, without what DeepSpeed keeps in the machine's memory (`host_gib`). The activations of the rows that
    are computed at once and PROCESS_GIB are added.

    Args:
        size: number of the student's weights.
        shape: the student's layers and width; None if unknown.
    """
    profile = profile_of(recipe)
    weights, gradients, adam = _states(size, recipe, shape)
    if profile.offloads("optimizer"):
        adam, gradients = 0, gradients if profile.stage < 2 else 0
    if profile.offloads("param"):
        weights = 0
    times = 1 if recipe.train.precision == "bf16" else 2
    numbers = 2 if profile.gradient_checkpointing else 34
    tokens = recipe.train.max_length * profile.micro_batch
    activations = times * numbers * tokens * _area(size, shape)
    return (weights + gradients + adam + activations) / GIB + PROCESS_GIB


def host_gib(size: int, recipe: Recipe, shape: Shape | None = None) -> float:
    """Return the estimated memory that DeepSpeed's offload needs in each machine, in GiB.

    Args:
        size: number of the student's weights.
        shape: the student's layers and width; None if unknown.
    """
    profile = profile_of(recipe)
    weights, _, adam = _states(size, recipe, shape)
    # Gradients are in float32 there, and Adam's states are three such numbers for each weight.
    optimizer = adam * 4 / 3 if profile.offloads("optimizer") else 0
    each = optimizer + (weights if profile.offloads("param") else 0)
    return each * profile.processes / profile.machine.nodes / GIB


def _states(size: int, recipe: Recipe, shape: Shape | None) -> tuple[float, float, float]:
    """Return the bytes of weights, gradients and Adam's states for each device, wherever they are kept."""
    profile = profile_of(recipe)
    new = method_of(chosen(recipe.train)).new_weights(_area(size, shape))
    trained, times = new or size, 1 if recipe.train.precision == "bf16" else 2
    shards = [profile.processes if profile.stage >= stage else 1 for stage in (3, 2, 1)]
    weights, gradients, adam = 2 * times * (size + new), 2 * times * trained, 12 * trained
    return weights / shards[0], gradients / shards[1], adam / shards[2]


def disk_gb(size: int, recipe: Recipe, shape: Shape | None = None) -> float:
    """Return the estimated disk space for training, in GB.

    Two checkpoints per set of neurons, and the models that both phases keep.

    Args:
        size: number of the student's weights.
        shape: the student's layers and width; None if unknown.
    """
    train = recipe.train
    new = method_of(chosen(train)).new_weights(_area(size, shape))
    sets = max(train.knowledge.ensemble, train.skills.ensemble)
    model = (2 if train.precision == "bf16" else 4) * (size + new * sets)
    # A phase keeps its models of the last epochs and the chosen one.
    return (checkpoint_bytes(new or size) * sets + 2 * (train.checkpoints + 1) * model) / 1e9


def _area(size: int, shape: Shape | None) -> float:
    """Return layers times width."""
    return float(shape.layers * shape.hidden) if shape else 128 * layers_of(size, None) ** 2


def parameters(recipe: Recipe) -> int:
    """Return the number of the student's weights, from the recipe or the model's files on this machine.

    Raises:
        UserError: the recipe does not give the number, and the files are not on this machine.
    """
    student = recipe.student
    if student.parameters:
        return round(student.parameters)
    if student.model == EMBEDDED:
        return EMBEDDED_PARAMETERS
    folder = Path(student.model)
    if not folder.is_dir():
        raise UserError(
            "student.parameters: not set in the recipe; set it to the number of weights of "
            f"{student.model}, which is not on this machine"
        )
    counted = sum(_weights(file) for file in folder.glob("*.safetensors"))
    if not counted:
        raise UserError(
            f"student.model: {folder} has no *.safetensors file; set student.parameters in the recipe"
        )
    return counted


def _weights(file: Path) -> int:
    """Return the number of weights in a file, from its header (https://huggingface.co/docs/safetensors)."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        header = json.loads(opened.read(length))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
