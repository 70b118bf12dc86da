"""General replay: everyday requests in each phase, so that the model goes on doing what its base could do."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any, TypeVar

import yaml

from bot.errors import UserError
from bot.generate.sample import Sample, sample_of
from bot.models import model_revision
from bot.recipe import Recipe
from bot.store import Store, canonical, key_of

T = TypeVar("T")

PROMPTS = Path(__file__).with_name("general.yaml")
LONGEST = 20
"""Tokens of an answer. Where it is cut, what the base would go on with is what is learnt; 40 took more
time and, in the one run of each, kept no more (docs/LEARNING.md)."""
WHERE = "name a file here, or one on the Hub as org/name@revision:file"


def general_samples(recipe: Recipe, store: Store) -> tuple[Sample, ...]:
    """As many as the recipe says: of its dataset, or else the student's own answers to prompts shipped here.

    Raises:
        UserError: the dataset cannot be had, or is none of conversations.
    """
    stated = recipe.train.general
    if not stated.samples:
        return ()
    if stated.dataset:
        return tuple(_drawn(_of_dataset(stated.dataset), recipe))
    return tuple(_own_answers(_drawn(general_prompts(), recipe), recipe, store))


def general_prompts() -> list[str]:
    """The requests that are shipped."""
    prompts: list[str] = yaml.safe_load(PROMPTS.read_text())["prompts"]
    return prompts


def _drawn(among: list[T], recipe: Recipe) -> list[T]:
    count = min(len(among), recipe.train.general.samples)
    drawn = random.Random(recipe.seed).sample(range(len(among)), count)  # noqa: S311 a choice, not a secret
    # In their order, so that all of them are the same whatever the seed.
    return [among[place] for place in sorted(drawn)]


def _own_answers(prompts: list[str], recipe: Recipe, store: Store) -> list[Sample]:
    """The student's own answers, as it likes them best; made once for each student."""
    inputs = {"student": model_revision(recipe.student.model), "prompts": prompts, "longest": LONGEST}
    key = key_of("general", 2, inputs)
    entry = store.get("general", key)
    if entry is None:
        samples = [sample.to_json() for sample in _answered(prompts, recipe)]
        entry = store.put("general", key, inputs, {"samples.json": canonical(samples).encode()})
    return [sample_of(line) for line in entry.read_json("samples.json")]


def _answered(prompts: list[str], recipe: Recipe) -> list[Sample]:
    from bot.teachers import Request
    from bot.teachers.local import TransformersTeacher

    student = TransformersTeacher(recipe.student.model, recipe.evaluate.batch, recipe.seed)
    asked = [Request((("user", prompt),), LONGEST, 0.0, one_line=False) for prompt in prompts]
    return [
        Sample("", "general", (("user", prompts[r.index]), ("assistant", r.text)), None, "the base model")
        for r in sorted(student.complete(asked), key=lambda r: r.index)
        if r.text
    ]


def _of_dataset(dataset: str) -> list[Sample]:
    """Conversations of a file with `messages`.

    Args:
        dataset: a .jsonl or .parquet file on this machine, or on the Hub as `org/name@revision:file`.
    """
    file = _file(dataset)
    try:
        return [_conversation(row, dataset) for row in _rows(file)]
    except (KeyError, TypeError, IndexError, ValueError, OSError) as error:
        raise UserError(
            f"train.general.dataset {dataset}: {type(error).__name__}: {error}; "
            "a row is {'messages': [{'role': …, 'content': …}, …]} and ends with the assistant's"
        ) from None


def dataset_revision(dataset: str) -> str:
    """What tells this dataset's rows from all others; "" where there is none.

    Args:
        dataset: as for `_of_dataset`.

    Raises:
        UserError: it cannot be had.
    """
    return hashlib.sha256(_file(dataset).read_bytes()).hexdigest() if dataset else ""


def _file(dataset: str) -> Path:
    return Path(dataset) if Path(dataset).exists() else _downloaded(dataset)


def _downloaded(dataset: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    place, _, file = dataset.partition(":")
    name, _, revision = place.partition("@")
    if not file:
        raise UserError(f"train.general.dataset {dataset}: there is no such file; {WHERE}")
    try:
        return Path(hf_hub_download(name, file, repo_type="dataset", revision=revision or None))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, ValueError) as error:
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
        raise ValueError("a role or a content that is no text")
    if messages[-1][0] != "assistant" or messages[-2][0] != "user":
        raise ValueError("a conversation that does not end with a question and the assistant's answer")
    return Sample("", "general", messages, None, dataset)
