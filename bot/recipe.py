"""The recipe: arborist.yaml as typed objects, checked by schemas/recipe.json."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from bot.errors import UserError
from bot.schema import first_mistake

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "schemas" / "recipe.json"


@dataclass(frozen=True)
class TeacherRecipe:
    engine: Literal["transformers"]
    model: str
    batch: int = 24
    temperature: float = 0.7


@dataclass(frozen=True)
class StudentRecipe:
    model: str


@dataclass(frozen=True)
class GenerateRecipe:
    samples: int
    batches: int = 12


@dataclass(frozen=True)
class PhaseRecipe:
    """One phase of training.

    Attributes:
        batch_tokens: of the whole optimizer step, over all processes.
        noise: the alpha of NEFTune (arXiv 2310.05914), noise on the input embeddings; 0 for none.
    """

    learning_rate: float
    batch_tokens: int
    epochs: float
    warmup: float = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    weight_decay: float = 0.0
    replay: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class TrainRecipe:
    knowledge: PhaseRecipe
    skills: PhaseRecipe
    precision: Literal["bf16", "fp32"] = "bf16"
    max_length: int = 1024
    checkpoint_every: int = 10
    deepspeed: str = ""
    processes: int = 1


@dataclass(frozen=True)
class EvaluateRecipe:
    max_new_tokens: int = 32
    batch: int = 32


@dataclass(frozen=True)
class GateRecipe:
    new: float
    kept: float
    retention: float


@dataclass(frozen=True)
class ReleaseRecipe:
    repository: str
    license: str = "apache-2.0"


@dataclass(frozen=True)
class LintRecipe:
    """Which rules are run, and how grave breaking them is.

    Attributes:
        select: only these; all if empty.
        severity: rule -> another severity than its own.
        document_kb: the most that a document may have, in kilobytes.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, str] = field(default_factory=dict)
    document_kb: int = 1_000


@dataclass(frozen=True)
class Recipe:
    """Everything that arborist.yaml says."""

    teacher: TeacherRecipe
    student: StudentRecipe
    generate: GenerateRecipe
    train: TrainRecipe
    evaluate: EvaluateRecipe
    gate: GateRecipe
    release: ReleaseRecipe
    lint: LintRecipe = LintRecipe()
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    store: str = ".arborist/store"
    seed: int = 0

    def part(self, name: str) -> dict[str, Any]:
        """One part of the recipe as plain data, for keys and manifests."""
        return asdict(getattr(self, name))

    def store_url(self) -> str:
        """Where the store is; the environment's ARBORIST_STORE wins, since runners differ in it."""
        return os.environ.get("ARBORIST_STORE") or self.store


def load_recipe(path: Path) -> Recipe:
    """Read and check arborist.yaml.

    Raises:
        UserError: it is missing, not YAML, or not as the schema says (with the place).
    """
    try:
        data = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no recipe here; run in a folder with an arborist.yaml") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}", code=1) from None
    mistake = first_mistake(data, SCHEMA)
    if mistake is not None:
        raise UserError(f"{path}: {mistake[0]}: {mistake[1]}", code=1)
    return _typed(data)


def _typed(data: Mapping[str, Any]) -> Recipe:
    train = dict(data["train"])
    knowledge, skills = (PhaseRecipe(**train.pop(name)) for name in ("knowledge", "skills"))
    return Recipe(
        teacher=TeacherRecipe(**data["teacher"]),
        student=StudentRecipe(**data["student"]),
        generate=GenerateRecipe(**data["generate"]),
        train=TrainRecipe(knowledge, skills, **train),
        evaluate=EvaluateRecipe(**data["evaluate"]),
        gate=GateRecipe(**data["gate"]),
        release=ReleaseRecipe(**data["release"]),
        lint=_lint(data.get("lint", {})),
        commands={name: tuple(roles) for name, roles in data["commands"].items()},
        store=data.get("store", ".arborist/store"),
        seed=data.get("seed", 0),
    )


def _lint(data: Mapping[str, Any]) -> LintRecipe:
    select, ignore = (tuple(data.get(name, ())) for name in ("select", "ignore"))
    return LintRecipe(select, ignore, dict(data.get("severity", {})), data.get("document_kb", 1_000))
