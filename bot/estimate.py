"""What training a taxonomy will take, before anything is made: tokens, steps, memory and time.

All of it is estimated, by formulas that are stated where they stand: tokens from the seeds' letters, memory
from mixed-precision Adam (ZeRO, arXiv 1910.02054) and activations (arXiv 2205.05198), time from six floating
point operations for each weight and token (arXiv 2001.08361).
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from bot.errors import UserError
from bot.generate.general import general_prompts
from bot.generate.prompting import PASSAGES
from bot.models import EMBEDDED, EMBEDDED_PARAMETERS
from bot.profiles import deepspeed_profile
from bot.recipe import PhaseRecipe, Recipe
from bot.shape import Shape, shape_at_hand
from bot.speed import GENERAL_TOKENS, GIVEN, PEAK, tokens_a_second
from bot.taxonomy.leaf import Leaf
from bot.train.checkpoint import checkpoint_bytes

LETTERS_A_TOKEN = 4.0
TEMPLATE_TOKENS = 20
"""What the chat template adds to a conversation."""
PROCESS_GB = 2.0
"""What a process takes beside weights and activations: libraries, logits, what the allocator keeps. On a CPU,
where new neurons of 128 a layer were trained, 2.8 GB were measured in all."""


@dataclass(frozen=True)
class PhasePlan:
    """What a phase will take; tokens are of all its epochs."""

    phase: str
    samples: int
    tokens: int
    steps: int
    seconds: float


@dataclass(frozen=True)
class TrainingPlan:
    """What training will take, on so many devices.

    Attributes:
        parameters: of the student.
        memory_gb: of each device, at most.
    """

    parameters: int
    device: str
    devices: int
    memory_gb: float
    phases: tuple[PhasePlan, ...]

    def to_json(self) -> dict[str, Any]:
        """As schemas/training-plan.json says."""
        return {"version": 1, **asdict(self)}

    def table(self) -> Table:
        """For people."""
        size = f"{self.parameters / 1e9:.2f} B weights"
        on = f"{self.devices} x {self.device}, {self.memory_gb:.1f} GB each"
        table = Table("phase", "samples", "tokens", "steps", "hours", title=f"Estimate: {size} on {on}")
        for phase in self.phases:
            hours = f"{phase.seconds / 3600:.2f}"
            table.add_row(phase.phase, f"{phase.samples:,}", f"{phase.tokens:,}", f"{phase.steps:,}", hours)
        return table


def plan_training(leaves: Sequence[Leaf], recipe: Recipe, device: str = "cpu") -> TrainingPlan:
    """Estimate the training of a taxonomy by a recipe.

    Args:
        device: one of PEAK; the recipe says how many of them.

    Raises:
        UserError: the device is not known, or nobody says how large the student is.
    """
    if device not in PEAK:
        raise UserError(f"--device {device}: there are {', '.join(PEAK)}")
    size, shape = parameters(recipe), shape_at_hand(recipe.student.model)
    knowledge = [leaf for leaf in leaves if leaf.kind == "knowledge"]
    skills = [leaf for leaf in leaves if leaf.kind != "knowledge"]
    train = recipe.train
    # Of new neurons the gates are shut on what is to be kept, so that nothing of it is learnt.
    replayed = 0.0 if train.neurons else train.skills.replay
    first, second = _amount(knowledge, recipe), _amount(skills, recipe)
    shipped = len(general_prompts())
    count = train.general.samples if train.general.dataset else min(train.general.samples, shipped)
    general = (0, 0) if train.neurons else (count, count * GENERAL_TOKENS)
    parts = {
        "knowledge": [first, *([second] if train.method == "stacked" else []), general],
        "skills": []
        if train.method == "stacked"
        else [second, _share(first, replayed), _searched(knowledge, first, recipe), general],
    }
    speed = tokens_a_second(size, recipe, device)
    phases = tuple(
        _phase(name, parts[name], phase, speed)
        for name, phase in (("knowledge", train.knowledge), ("skills", train.skills))
        if sum(samples for samples, _ in parts[name])
    )
    return TrainingPlan(size, device, train.processes, memory_gb(size, recipe, shape), phases)


def _phase(name: str, parts: Sequence[tuple[int, int]], phase: PhaseRecipe, speed: float) -> PhasePlan:
    samples, tokens = (sum(part[place] for part in parts) for place in (0, 1))
    learnt = round(tokens * phase.epochs * phase.ensemble)
    # An epoch is a step at least (train/packing.py).
    steps = math.ceil(max(learnt / phase.batch_tokens, phase.epochs * phase.ensemble))
    return PhasePlan(name, samples, learnt, steps, learnt / speed)


def _amount(leaves: Sequence[Leaf], recipe: Recipe) -> tuple[int, int]:
    """Samples of these leaves, and their tokens: each as long as a seed of its leaf is on average."""
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
    """Samples in retrieval form, and their tokens: those of knowledge, each with so many passages."""
    samples, tokens = _share(part, recipe.train.skills.retrieval)
    letters = [len(seed.context or "") for leaf in leaves for seed in leaf.seeds]
    passage = sum(letters) / max(1, len(letters)) / LETTERS_A_TOKEN
    return samples, round(tokens + samples * PASSAGES * passage)


def memory_gb(size: int, recipe: Recipe, shape: Shape | None = None) -> float:
    """Of each device: weights and gradients as precise as said, Adam in float32, sharded as the profile says.

    To these come a row's activations and PROCESS_GB.
    """
    stage, devices = zero_stage(recipe), recipe.train.processes
    area = _area(size, shape)
    new = _new_weights(area, recipe)
    trained = new or size
    times = 1 if recipe.train.precision == "bf16" else 2
    weights, gradients, adam = 2 * times * (size + new), 2 * times * trained, 12 * trained
    weights /= devices if stage >= 3 else 1
    gradients /= devices if stage >= 2 else 1
    adam /= devices if stage >= 1 else 1
    numbers = 2 if recipe.train.gradient_checkpointing else 34
    activations = times * numbers * recipe.train.max_length * area
    return (weights + gradients + adam + activations) / 1e9 + PROCESS_GB


def disk_gb(size: int, recipe: Recipe, shape: Shape | None = None) -> float:
    """Where phases are trained: two checkpoints, of each set of neurons, and models that both phases keep."""
    train = recipe.train
    new = _new_weights(_area(size, shape), recipe)
    sets = max(train.knowledge.ensemble, train.skills.ensemble)
    model = (2 if train.precision == "bf16" else 4) * (size + new * sets)
    # A phase has its model and the candidates.
    return (checkpoint_bytes(new or size) * sets + 2 * (train.candidates + 1) * model) / 1e9


def _area(size: int, shape: Shape | None) -> float:
    """Layers times width, as config.json says; without it, as of a usual model: 128 times as wide as deep."""
    if shape:
        return float(shape.layers * shape.hidden)
    layers = math.cbrt(size / (12 * 128**2))
    return 128 * layers**2


def _new_weights(area: float, recipe: Recipe) -> float:
    """What is added: of a neuron three vectors; of an adapter two for each of seven matrices, some longer."""
    return (3 * recipe.train.neurons + 20 * recipe.train.rank) * area


def zero_stage(recipe: Recipe) -> int:
    """The stage of ZeRO that the recipe's DeepSpeed profile says; 0 without one."""
    profile = deepspeed_profile(recipe.train.deepspeed, recipe.folder)
    return int(json.loads(Path(profile).read_text())["zero_optimization"]["stage"]) if profile else 0


def parameters(recipe: Recipe) -> int:
    """How many weights the student has: as the recipe says, or as its files on this machine do.

    Raises:
        UserError: neither says so.
    """
    student = recipe.student
    if student.parameters:
        return round(student.parameters)
    if student.model == EMBEDDED:
        return EMBEDDED_PARAMETERS
    folder = Path(student.model)
    if not folder.is_dir():
        raise UserError(f"student.parameters: say in the recipe how many weights {student.model} has")
    counted = sum(_weights(file) for file in folder.glob("*.safetensors"))
    if not counted:
        raise UserError(f"student.model: {folder} has no *.safetensors")
    return counted


def _weights(file: Path) -> int:
    """Numbers in a file, by its header alone (https://huggingface.co/docs/safetensors)."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        header = json.loads(opened.read(length))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
