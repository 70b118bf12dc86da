"""The recipe: arborist.yaml as typed objects; bot/config/load.py loads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bot.config.device import UNSTATED, EstimateRecipe
from bot.taxonomy.fetch import PUBLIC, Access
from bot.taxonomy.layout import DEFAULT, Layout

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RUNS_ONLY = {"runs only": True}
"""Metadata of a field that affects only how a step runs, not its result; the field is not part of any key."""


Where = Literal["local", "ray"]
"""Where generation, training and exams run: on this machine, or on the workers of a Ray cluster."""


def settings(part: "DataclassInstance") -> dict[str, Any]:
    """Return a part of the recipe as plain data, without the fields that only affect how a step runs."""
    kept = [one for one in fields(part) if one.metadata != RUNS_ONLY]
    return {one.name: _plain(getattr(part, one.name)) for one in kept}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return settings(value)
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class TeacherRecipe:
    """The teacher model, which generates samples from the examples; the fields from `url` on are for the
    engine `openai`.

    Attributes:
        batch: batch size of the engine `transformers`.
        url: base URL of the API; "" for ARBORIST_TEACHER_URL.
        requests: maximum number of concurrent requests.
        tokens: token budget of a run; 0 for no limit.
        continues: whether the endpoint can continue a final message of the assistant.
        structured: whether the endpoint can constrain answers to a JSON schema.
    """

    engine: Literal["transformers", "vllm", "openai"]
    model: str
    batch: int = 24
    temperature: float = 0.7
    url: str = field(default="", metadata=RUNS_ONLY)
    requests: int = field(default=64, metadata=RUNS_ONLY)
    tokens: int = field(default=0, metadata=RUNS_ONLY)
    continues: bool = field(default=False, metadata=RUNS_ONLY)
    structured: bool = field(default=False, metadata=RUNS_ONLY)


@dataclass(frozen=True)
class StudentRecipe:
    """The student: the base model that is trained.

    Attributes:
        parameters: number of weights, for estimates on machines that do not have the model; 0 if unknown.
    """

    model: str
    parameters: float = field(default=0, metadata=RUNS_ONLY)


@dataclass(frozen=True)
class GenerateRecipe:
    """How samples are generated.

    Attributes:
        samples: accepted samples of the teacher per leaf.
        batches: maximum number of batches per leaf.
        pipeline: `small` works with weak teachers; with `full` the teacher writes, answers and judges.
        prompts: folder of prompts that replace the shipped ones; "" for none.
    """

    samples: int
    batches: int = 12
    pipeline: Literal["small", "full"] = "small"
    prompts: str = ""


@dataclass(frozen=True)
class PhaseRecipe:
    """One phase of training.

    Attributes:
        batch_tokens: tokens per optimizer step, over all processes.
        warmup: share of the steps in which the learning rate rises.
        replay: share of the knowledge phase's samples that the skills phase repeats.
        retrieval: share of knowledge questions that the skills phase repeats with retrieved passages.
        unmask: whether the loss is on questions too, not only on answers.
        noise: alpha of NEFTune (arXiv 2310.05914), noise on the input embeddings; 0 for none.
        ensemble: number of sets of new neurons, trained separately and merged into one model.
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
    """General replay: everyday requests that preserve the base model's general abilities.

    Attributes:
        samples: maximum number in each phase; 0 for none.
        dataset: dataset of conversations; "" for the shipped prompts, answered by the base model.
        weight: relative loss weight per token of these samples.
    """

    samples: int = 1_000
    dataset: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class TrainRecipe:
    """How the student is trained; see schemas/recipe.json.

    Attributes:
        method: `phased` trains LAB's two phases; `stacked` trains everything in the knowledge phase; `sdft`
            is phased, and the student learns the base's probabilities given the demonstration in its context.
        max_length: tokens of a packed row.
        checkpoint_every: steps between checkpoints.
        checkpoints: number of last epochs among whose models the best is chosen.
        neurons: new neurons per layer, trained instead of the weights; 0 for none.
        rank: rank of LoRA adapters, trained instead of the weights; 0 for none.
    """

    knowledge: PhaseRecipe
    skills: PhaseRecipe
    method: Literal["phased", "stacked", "sdft"] = "phased"
    general: GeneralRecipe = GeneralRecipe()
    precision: Literal["bf16", "fp32"] = "bf16"
    max_length: int = 1024
    checkpoint_every: int = field(default=10, metadata=RUNS_ONLY)
    checkpoints: int = 1
    neurons: int = 0
    rank: int = 0


@dataclass(frozen=True)
class TrialRecipe:
    """How a trial trains an adapter on a pull request's samples, to preview their effect.

    Attributes:
        rank: rank of the adapter (LoRA, arXiv 2106.09685).
    """

    rank: int = 16
    learning_rate: float = 1e-3
    batch_tokens: int = 256
    epochs: float = 4

    def phase(self) -> PhaseRecipe:
        """Return these settings as those of a training phase."""
        return PhaseRecipe(self.learning_rate, self.batch_tokens, self.epochs)


@dataclass(frozen=True)
class JudgeRecipe:
    """The model that marks answers to the exam questions that have `judge`.

    Attributes:
        model: "" for none.
        url: base URL of the API, with the engine `openai`.
    """

    model: str = ""
    engine: Literal["transformers", "openai"] = "transformers"
    url: str = field(default="", metadata=RUNS_ONLY)


@dataclass(frozen=True)
class EvaluateRecipe:
    """How models answer exams.

    Attributes:
        max_new_tokens: maximum number of tokens of an answer.
        general: path of a file of general questions; "" for the shipped ones.
        tasks: tasks of lm-evaluation-harness: their names, or paths of YAML files.
        batch: questions per batch.
        engine: where models answer; from the recipe's `engine`.
    """

    max_new_tokens: int = 32
    general: str = ""
    judge: JudgeRecipe = JudgeRecipe()
    tasks: tuple[str, ...] = ()
    batch: int = field(default=32, metadata=RUNS_ONLY)
    engine: Where = field(default="local", metadata=RUNS_ONLY)


@dataclass(frozen=True)
class RetrievalRecipe:
    """How passages of the documents are found for a question.

    Attributes:
        encoder: what embeds passages and questions: `embedded`, or a model of sentence-transformers.
        passages: number of passages that a model is given with a question; 0 switches retrieval off.
    """

    encoder: str = "embedded"
    passages: int = 4


@dataclass(frozen=True)
class GateRecipe:
    """What a release needs. A margin is the net loss that is allowed, as a share of the questions.

    Attributes:
        new: share of the questions answered wrong before that each new leaf must now answer right.
        margin: margin of the older leaves together, compared with the previous release.
        retention_margin: margin of the general questions, compared with the base.
        leaf_margin: margin of each older leaf alone.
        near_miss_margin: margin of the near misses, compared with the base.
        churn: share of the answers that change by chance between two trainings.
        confidence: probability that chance does not refuse a release that lost nothing.
        undecided: what to do if a criterion has too few questions.
    """

    new: float
    margin: float
    retention_margin: float
    leaf_margin: float = 0.25
    near_miss_margin: float = 0.2
    churn: float = 0.05
    confidence: float = 0.95
    undecided: Literal["pass", "refuse"] = "pass"


@dataclass(frozen=True)
class ReleaseRecipe:
    """Where the model is released on the Hub, and under which license.

    Attributes:
        samples: repository of the data set of what the model learned; "" for none.
        gguf: repository of the model as GGUF files; "" for none.
        share_alike: what to do if a leaf's licence asks for the same licence and the release has another:
            `note` says so on the model card, `strict` trains nothing.
    """

    repository: str
    license: str = "apache-2.0"
    samples: str = ""
    gguf: str = ""
    share_alike: Literal["note", "strict"] = field(default="note", metadata=RUNS_ONLY)


LICENCES = ("Apache-2.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "CDLA-Permissive-2.0", "MIT")


@dataclass(frozen=True)
class LintRecipe:
    """Which lint rules run, and the severity of their findings.

    Attributes:
        select: the only rules to run; all if empty.
        ignore: rules not to run.
        ignore_in: glob pattern of paths below the taxonomy's folder -> rules that do not count there.
        severity: rule -> severity that replaces the rule's own.
        document_kb: maximum size of a document, in kilobytes.
        licences: SPDX identifiers of the licences that a leaf may have.
        student: model whose tokenizer counts tokens; from the recipe's `student`.
        max_tokens: maximum length of a sample; 0 if unknown; from `train.max_length`.
        judge: whether the recipe names a judge in `evaluate.judge`; true if unknown.
        documents: repositories from which documents may be fetched; from the recipe's `documents`.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    ignore_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severity: Mapping[str, str] = field(default_factory=dict)
    document_kb: int = 1_000
    licences: tuple[str, ...] = LICENCES
    student: str = ""
    max_tokens: int = 0
    judge: bool = True
    documents: Access = PUBLIC


@dataclass(frozen=True)
class Recipe:
    """All settings of arborist.yaml.

    Each field is either part of a step's inputs, so that changing it recomputes the step's result, or it has
    the metadata RUNS_ONLY. tests/pipeline/test_keys.py lists the keys that each field changes.

    Attributes:
        profile: the profile of the machine, see bot/config/profiles.py. Only what may change the answers of a
            vLLM teacher is an input.
        engine: where generation, training and exams run.
        taxonomy: the taxonomy's place in the repository; no step's input, since the leaves read there are.
        workflows: the text before the names of the repository's workflow files.
        folder: folder of arborist.yaml, which may also contain prompts and profiles.
    """

    teacher: TeacherRecipe
    student: StudentRecipe
    generate: GenerateRecipe
    train: TrainRecipe
    evaluate: EvaluateRecipe
    gate: GateRecipe
    release: ReleaseRecipe
    engine: Where = field(default="local", metadata=RUNS_ONLY)
    trial: TrialRecipe = TrialRecipe()
    retrieval: RetrievalRecipe = RetrievalRecipe()
    profile: str = "cpu"
    lint: LintRecipe = field(default=LintRecipe(), metadata=RUNS_ONLY)
    estimate: EstimateRecipe = field(default=UNSTATED, metadata=RUNS_ONLY)
    documents: Access = field(default=PUBLIC, metadata=RUNS_ONLY)
    taxonomy: Layout = field(default=DEFAULT, metadata=RUNS_ONLY)
    workflows: str = field(default="", metadata=RUNS_ONLY)
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict, metadata=RUNS_ONLY)
    store: str = field(default=".arborist/store", metadata=RUNS_ONLY)
    track: str = field(default="", metadata=RUNS_ONLY)
    seed: int = 0
    folder: Path = field(default=Path(), metadata=RUNS_ONLY)

    def part(self, name: str) -> dict[str, Any]:
        """Return one part of the recipe as plain data, without paths, for keys and manifests."""
        found = settings(getattr(self, name))
        # The leaves' keys depend on the content of these prompts; their path is irrelevant.
        return found | {"prompts": "own"} if found.get("prompts") else found

    def store_url(self) -> str:
        """Return the URL of the store; the environment variable ARBORIST_STORE overrides the recipe.

        Each runner may have its store in another place.
        """
        return os.environ.get("ARBORIST_STORE") or self.store
