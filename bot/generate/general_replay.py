"""General replay: everyday requests in each phase, which preserve the base model's general abilities."""

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml

from bot.config.recipe import GeneralRecipe
from bot.core.errors import UserError
from bot.core.hub_address import limit_waiting
from bot.core.progress import Advance, task
from bot.core.sample import Sample, sample_of
from bot.core.step import Inputs
from bot.core.store import Store, canonical
from bot.inference.models import model_revision

T = TypeVar("T")

PROMPTS = Path(__file__).with_name("general_replay.yaml")
LONGEST = 20
"""Maximum number of tokens of an answer. At the cut, the base's probabilities of the next token are learned.
In one run each, 40 tokens took longer than 20 and preserved no more (docs/learning.md)."""
WHERE = "name a file on this machine, or one on the Hub as org/name@revision:file"


@dataclass(frozen=True)
class GeneralInputs(Inputs):
    """Everything that the student's own answers to general requests depend on.

    Attributes:
        student: the unique ID of the student's weights.
        longest: maximum number of tokens of an answer.
    """

    STEP: ClassVar[str] = "general"
    VERSION: ClassVar[int] = 4

    student: str
    prompts: Sequence[str]
    longest: int = LONGEST


def general_samples(
    wanted: GeneralRecipe, student: str, seed: int, store: Store, *, batch: int
) -> tuple[Sample, ...]:
    """Return general requests with answers: from the recipe's dataset, or else the student's own answers.

    Args:
        student: name of the model that answers the shipped prompts.
        batch: batch size.

    Raises:
        UserError: the dataset cannot be read or does not contain conversations.
    """
    if not wanted.samples:
        return ()
    if wanted.dataset:
        return tuple(_drawn(_of_dataset(wanted.dataset), wanted.samples, seed))
    prompts = _drawn(general_prompts(), wanted.samples, seed)
    return own_samples([prompts], student, store, batch=batch)[0]


def own_samples(
    asked: Sequence[Sequence[str]], student: str, store: Store, *, batch: int
) -> list[tuple[Sample, ...]]:
    """Return requests with the student's own answers, as samples that belong to no leaf.

    Args:
        asked: lists of requests; the answers to each list are an entry of the store, and are reused.
        student: name of the model that answers.
        batch: batch size.
    """
    revision = model_revision(student)
    wanted = [GeneralInputs(revision, prompts) for prompts in asked]
    keys = {one.key: one for one in wanted}
    missing = [keys[key] for key in sorted(keys.keys() - store.has(GeneralInputs.STEP, keys))]
    if missing:
        total = sum(len(one.prompts) for one in missing)
        with task("the base answers general requests", total, "requests") as advance:
            answers = own_answers(student, batch, advance)
            for one in missing:
                # Each list on its own: in bf16, an answer depends on the other requests of its batch.
                texts = answers(one.prompts)
                made = [_own(*pair).to_json() for pair in zip(one.prompts, texts, strict=True) if pair[1]]
                store.put(one.STEP, one.key, one.values(), {"samples.json": canonical(made).encode()})
    entries = store.get_many(GeneralInputs.STEP, keys)
    return [tuple(sample_of(line) for line in entries[one.key].read_json("samples.json")) for one in wanted]


def _own(prompt: str, answer: str) -> Sample:
    return Sample("", "general", (("user", prompt), ("assistant", answer)), None, "the base model")


def general_prompts() -> list[str]:
    """Return the shipped requests."""
    prompts: list[str] = yaml.safe_load(PROMPTS.read_text())["prompts"]
    return prompts


def _drawn(among: list[T], most: int, seed: int) -> list[T]:
    drawn = random.Random(seed).sample(range(len(among)), min(len(among), most))  # noqa: S311 not a secret
    # In the original order, so that drawing all of them gives the same result for every seed.
    return [among[place] for place in sorted(drawn)]


def own_answers(student: str, batch: int, advance: Advance) -> Callable[[Sequence[str]], list[str]]:
    """Load a student, and return a function that returns its answers to requests, in their order.

    Args:
        batch: batch size.
        advance: called for each answer.
    """
    from bot.inference.engine import Request, Response
    from bot.inference.engine_transformers import TransformersEngine

    engine = TransformersEngine(student, batch, 0)

    def counted(response: Response) -> Response:
        advance(1, tokens=response.tokens)
        return response

    def answers(prompts: Sequence[str]) -> list[str]:
        asked = [Request((("user", prompt),), LONGEST, 0.0, one_line=False) for prompt in prompts]
        return [r.text for r in sorted(map(counted, engine.complete(asked)), key=lambda r: r.index)]

    return answers


def _of_dataset(dataset: str) -> list[Sample]:
    """Return the conversations of a file whose rows have `messages`.

    Args:
        dataset: a .jsonl or .parquet file on this machine, or on the Hub as `org/name@revision:file`.
    """
    file = _file(dataset)
    try:
        return [_conversation(row, dataset) for row in _rows(file)]
    except (KeyError, TypeError, IndexError, ValueError, OSError) as error:
        raise UserError(
            f"train.general.dataset {dataset}: {type(error).__name__}: {error}; "
            "a row is {'messages': [{'role': …, 'content': …}, …]}, and its last message is the assistant's"
        ) from None


def dataset_revision(dataset: str) -> str:
    """Return the SHA-256 of a dataset's file; "" if `dataset` is empty.

    Args:
        dataset: a .jsonl or .parquet file on this machine, or on the Hub as `org/name@revision:file`.

    Raises:
        UserError: the file does not exist or cannot be downloaded.
    """
    return hashlib.sha256(_file(dataset).read_bytes()).hexdigest() if dataset else ""


def _file(dataset: str) -> Path:
    return Path(dataset) if Path(dataset).exists() else _downloaded(dataset)


def _downloaded(dataset: str) -> Path:
    import httpx2
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    place, _, file = dataset.partition(":")
    name, _, revision = place.partition("@")
    if not file:
        raise UserError(f"train.general.dataset {dataset}: file not found; {WHERE}")
    limit_waiting()
    try:
        return Path(hf_hub_download(name, file, repo_type="dataset", revision=revision or None))
    except (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        httpx2.HTTPError,
        ValueError,
    ) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"train.general.dataset {dataset}: {reason}; {WHERE}") from None


def _rows(file: Path) -> list[Any]:
    if file.suffix == ".parquet":
        from pyarrow import parquet

        rows: list[Any] = parquet.read_table(file, columns=["messages"]).to_pylist()
        return rows
    return [json.loads(line) for line in file.read_text().splitlines() if line.strip()]


def _conversation(row: Any, dataset: str) -> Sample:
    messages = tuple((turn["role"], turn["content"]) for turn in row["messages"])
    if not all(isinstance(text, str) for turn in messages for text in turn):
        raise ValueError("a role or content is not a string")
    if messages[-1][0] != "assistant" or messages[-2][0] != "user":
        raise ValueError("a conversation does not end with a user's message and the assistant's answer")
    return Sample("", "general", messages, None, dataset)
