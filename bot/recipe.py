"""The recipe: arborist.yaml as typed objects, checked by schemas/recipe.json."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import yaml

from bot.errors import UserError
from bot.schema import first_mistake
from bot.shipped import shipped
from bot.speed import UNSTATED, EstimateRecipe
from bot.taxonomy.fetch import PUBLIC, Access

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = shipped("schemas/recipe.json")
T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True)
class TeacherRecipe:
    """Who multiplies the examples; what is below `profile` is for the engine openai.

    Attributes:
        batch: requests side by side, of the engine transformers.
        profile: how the engine vllm runs; see bot/profiles.py.
        requests: the most under way at once.
        tokens: the budget of a run; 0 for any number.
        continues: whether it goes on from a last message of the assistant's.
        structured: whether it holds answers to a JSON schema.
    """

    engine: Literal["transformers", "vllm", "openai"]
    model: str
    batch: int = 24
    temperature: float = 0.7
    profile: str = "gpu"
    url: str = ""
    requests: int = 64
    tokens: int = 0
    continues: bool = False
    structured: bool = False


@dataclass(frozen=True)
class StudentRecipe:
    """Who is taught.

    Attributes:
        parameters: how many weights it has, for a plan where the model is not at hand; 0 if that is not said.
    """

    model: str
    parameters: float = 0


@dataclass(frozen=True)
class GenerateRecipe:
    """How samples are made.

    Attributes:
        pipeline: `small` asks little of the teacher; `full` has it write, answer and judge.
        prompts: a folder with prompts that take the place of the shipped ones; "" for none.
    """

    samples: int
    batches: int = 12
    pipeline: Literal["small", "full"] = "small"
    prompts: str = ""


@dataclass(frozen=True)
class PhaseRecipe:
    """One phase of training.

    Attributes:
        batch_tokens: of the whole optimizer step, over all processes.
        replay: share of the knowledge phase's samples that are in the skills phase, too.
        retrieval: share of knowledge questions that are in the skills phase with passages to look in.
        unmask: whether questions are learnt, too, and not answers alone.
        noise: the alpha of NEFTune (arXiv 2310.05914), noise on the input embeddings; 0 for none.
        ensemble: sets of new neurons that are trained apart and then speak together.
    """

    learning_rate: float
    batch_tokens: int
    epochs: float
    warmup: float = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    weight_decay: float = 0.0
    replay: float = 0.0
    retrieval: float = 0.0
    unmask: bool = False
    noise: float = 0.0
    ensemble: int = 1


@dataclass(frozen=True)
class GeneralRecipe:
    """What keeps the base's general abilities.

    Attributes:
        samples: at most so many, in each phase; 0 for none.
        dataset: where they are from; "" for the shipped prompts, answered by the base itself.
        weight: how often as much as another sample's a token of theirs counts in the loss.
    """

    samples: int = 1_000
    dataset: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class TrainRecipe:
    """How the student is taught; see schemas/recipe.json.

    Attributes:
        method: `phased` is LAB's; `stacked` has everything at once, in the knowledge phase; `sdft` is phased,
            and the model learns from itself with the demonstration before its eyes.
    """

    knowledge: PhaseRecipe
    skills: PhaseRecipe
    method: Literal["phased", "stacked", "sdft"] = "phased"
    general: GeneralRecipe = GeneralRecipe()
    precision: Literal["bf16", "fp32"] = "bf16"
    max_length: int = 1024
    checkpoint_every: int = 10
    candidates: int = 1
    neurons: int = 0
    rank: int = 0
    gradient_checkpointing: bool = False
    deepspeed: str = ""
    processes: int = 1


@dataclass(frozen=True)
class TrialRecipe:
    """How an adapter learns a pull request's samples, for a look at what they do.

    Attributes:
        rank: the adapter's (LoRA, arXiv 2106.09685).
    """

    rank: int = 16
    learning_rate: float = 1e-3
    batch_tokens: int = 256
    epochs: float = 4

    def phase(self) -> PhaseRecipe:
        """The same as a phase of training."""
        return PhaseRecipe(self.learning_rate, self.batch_tokens, self.epochs)


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


LICENCES = ("Apache-2.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "CDLA-Permissive-2.0", "MIT")


@dataclass(frozen=True)
class LintRecipe:
    """Which rules are run, and how grave breaking them is.

    Attributes:
        select: only these; all if empty.
        severity: rule -> another severity than its own.
        document_kb: the most that a document may have, in kilobytes.
        licences: SPDX identifiers of those that a leaf may have.
        student: whose tokenizer counts; said by the recipe's `student`.
        max_tokens: the most that a sample may have, 0 if that is not known; said by `train.max_length`.
        documents: which repositories of documents are open; said by the recipe's `documents`.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, str] = field(default_factory=dict)
    document_kb: int = 1_000
    licences: tuple[str, ...] = LICENCES
    student: str = ""
    max_tokens: int = 0
    documents: Access = PUBLIC


@dataclass(frozen=True)
class Recipe:
    """Everything that arborist.yaml says.

    Attributes:
        folder: where it lies; its prompts and profiles lie beside it.
    """

    teacher: TeacherRecipe
    student: StudentRecipe
    generate: GenerateRecipe
    train: TrainRecipe
    evaluate: EvaluateRecipe
    gate: GateRecipe
    release: ReleaseRecipe
    trial: TrialRecipe = TrialRecipe()
    lint: LintRecipe = LintRecipe()
    estimate: EstimateRecipe = UNSTATED
    documents: Access = PUBLIC
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    store: str = ".arborist/store"
    track: str = ""
    seed: int = 0
    folder: Path = Path()

    def part(self, name: str) -> dict[str, Any]:
        """One part of the recipe as plain data, for keys and manifests, which no path may change."""
        stated = asdict(getattr(self, name))
        # The keys of the leaves hold what is in these prompts.
        return stated | {"prompts": "own"} if stated.get("prompts") else stated

    def store_url(self) -> str:
        """Where the store is; the environment's ARBORIST_STORE wins, since runners differ in it."""
        return os.environ.get("ARBORIST_STORE") or self.store


def load_recipe(path: Path) -> Recipe:
    """Read and check arborist.yaml.

    Raises:
        UserError: it is missing, not YAML, or not as the schema says (with the place), or contradicts itself.
    """
    data = _read(path)
    _check(path, data)
    recipe = replace(_typed(data), folder=path.parent)
    if recipe.generate.prompts:
        recipe = replace(recipe, generate=replace(recipe.generate, prompts=_prompts(path, recipe)))
    if contradiction := _contradiction(recipe.train):
        raise UserError(f"{path}: train: {contradiction}", code=1)
    return recipe


def _prompts(path: Path, recipe: Recipe) -> str:
    folder = path.parent / recipe.generate.prompts
    if not folder.is_dir():
        raise UserError(
            f"{path}: generate.prompts: {folder} is no folder; name one relative to the recipe", code=1
        )
    return str(folder)


def _contradiction(stated: TrainRecipe) -> str:
    """What each part allows and all together do not; "" if there is nothing of the kind."""
    knowledge, skills = stated.knowledge, stated.skills
    if stated.rank and stated.neurons:
        return "rank (adapters) and neurons exclude each other; say one"
    if not stated.neurons and max(knowledge.ensemble, skills.ensemble) > 1:
        return "an ensemble is one of new neurons; say how many (neurons: 128)"
    if stated.method == "sdft" and (knowledge.unmask or skills.unmask):
        return "with method sdft no question is learnt; unmask goes with the others"
    if knowledge.replay or knowledge.retrieval:
        return "replay and retrieval are of what knowledge has taught; say them under skills"
    if stated.processes > 1 and not stated.deepspeed:
        return f"processes {stated.processes} need a DeepSpeed profile, such as `deepspeed: zero2`"
    return ""


def load_lint_recipe(path: Path) -> LintRecipe:
    """What arborist.yaml says of lint. It may say nothing else, where a repository is linted and not taught.

    Raises:
        UserError: it is not YAML, or not as the schema says (with the place).
    """
    if not path.exists():
        return LintRecipe()
    data = _read(path)
    if isinstance(data, dict) and data.keys() == {"version", "lint"}:
        _check(path, data["lint"], "lint")
        return _lint(data["lint"])
    return load_recipe(path).lint


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no recipe here; run in a folder with an arborist.yaml") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}", code=1) from None


def _check(path: Path, data: Any, part: str = "") -> None:
    mistake = first_mistake(data, SCHEMA, part)
    if mistake is not None:
        raise UserError(f"{path}: {mistake[0]}: {mistake[1]}", code=1)


def _typed(data: Mapping[str, Any]) -> Recipe:
    train = dict(data["train"])
    documents = Access(**{name: tuple(urls) for name, urls in data.get("documents", {}).items()})
    train |= {name: _made(PhaseRecipe, train[name]) for name in ("knowledge", "skills")}
    train["general"] = _made(GeneralRecipe, train.get("general", {}))
    return Recipe(
        teacher=_made(TeacherRecipe, data["teacher"]),
        student=_made(StudentRecipe, data["student"]),
        generate=_made(GenerateRecipe, data["generate"]),
        train=_made(TrainRecipe, train),
        evaluate=_made(EvaluateRecipe, data["evaluate"]),
        gate=_made(GateRecipe, data["gate"]),
        release=_made(ReleaseRecipe, data["release"]),
        trial=_made(TrialRecipe, data.get("trial", {})),
        lint=replace(
            _lint(data.get("lint", {})),
            student=data["student"]["model"],
            max_tokens=data["train"].get("max_length", TrainRecipe.max_length),
            documents=documents,
        ),
        estimate=_made(EstimateRecipe, data.get("estimate", {})),
        documents=documents,
        commands={name: tuple(roles) for name, roles in data["commands"].items()},
        store=data.get("store", ".arborist/store"),
        track=data.get("track", ""),
        seed=data.get("seed", 0),
    )


def _made(kind: type[T], data: Mapping[str, Any]) -> T:
    """A part of the recipe; a schema takes 6.4e+4 for the integer that it is, so it is made one."""
    whole = {one.name for one in fields(kind) if one.type is int}
    return kind(**{name: int(value) if name in whole else value for name, value in data.items()})


def _lint(data: Mapping[str, Any]) -> LintRecipe:
    lists = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
    return _made(LintRecipe, {**data, **lists})
