"""The GGUF files of a release: converted by llama.cpp's converter, and examined by llama.cpp itself."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bot.config.recipe import EvaluateRecipe, Recipe
from bot.core.durations import Took, record, this_device
from bot.core.progress import say, step
from bot.core.step import RESULT, Inputs, make
from bot.core.store import Entry, Store
from bot.core.version import packages
from bot.evaluate.answers import answers_of
from bot.evaluate.examine import Answer, Examination
from bot.evaluate.exams import ExamItem, exam_of
from bot.evaluate.retention import retention
from bot.inference.engine_llamacpp import PACKAGE, GgufError
from bot.inference.models import Model, load_tokenizer
from bot.pipeline.training_speed import gguf_by
from bot.release.convert_gguf import CONVERTER, FILES, convert
from bot.release.gguf_rule import TYPES, file_name, refusal
from bot.release.modelfile import NAME, modelfile
from bot.taxonomy.leaf import Leaf

MOST_ASKED = 1_000
"""How many questions a file is asked: llama.cpp answers one after the other, often without a GPU."""
REFUSED = "the gate refused this model, and a refused model is not converted"


@dataclass(frozen=True)
class GgufInputs(Inputs):
    """Everything that the GGUF files depend on.

    Attributes:
        model: the unique ID of the model's weights.
        name: the name of the released model without its owner.
        types: the types of the weights, each one file.
        converter: the SHA-256 of the converter's files.
        runtime: the version of llama.cpp's package, which examines the files.
        questions: what the files are asked.
        max_new_tokens: maximum number of tokens of an answer.
    """

    STEP: ClassVar[str] = "gguf"
    VERSION: ClassVar[int] = 1

    model: str
    name: str
    types: Sequence[str]
    converter: str
    runtime: str
    questions: Sequence[ExamItem]
    max_new_tokens: int


@dataclass(frozen=True)
class Gguf:
    """The GGUF files of a model.

    Attributes:
        stated: the part `gguf` of the manifest; see schemas/manifest.json.
        entry: the entry of the store with the files to publish; None if there are none.
    """

    stated: dict[str, Any]
    entry: Entry | None = None


@step("converting to GGUF")
def gguf_files(
    model: Model, examined: Examination, leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> Gguf:
    """Return a model as GGUF files with their exam results; convert and examine it unless the store has them.

    If that fails, the release goes on without: the result then has no files, and states the reason.

    Args:
        examined: the model's own answers, with which those of the files are compared.
    """
    expected = _answered(examined, leaves, recipe.evaluate)
    name = recipe.release.repository.rpartition("/")[2]
    runtime = packages(PACKAGE).get(PACKAGE, "")
    items = [item for item, _ in expected]
    inputs = GgufInputs(model.id, name, TYPES, FILES, runtime, items, recipe.evaluate.max_new_tokens)

    def work(folder: Path) -> dict[str, Any]:
        began = time.monotonic()
        facts = _make(model, inputs, expected, recipe.evaluate, folder)
        seconds, asked = time.monotonic() - began, len(items) * len(TYPES)
        record(store, Took("gguf", this_device(), asked, seconds, len(leaves), gguf_by(recipe)))
        return facts

    try:
        entry = make(inputs, store, work)
    except GgufError as error:
        say(f"no GGUF files: {error}")
        return no_gguf(recipe, str(error))
    for one in entry.facts["files"]:
        if one["refused"]:
            say(f"{one['name']} is not published: {one['refused']}")
    return Gguf({**no_gguf(recipe, "").stated, **entry.facts}, entry if entry.files else None)


def no_gguf(recipe: Recipe, reason: str) -> Gguf:
    """Return that a release has no GGUF files, and why."""
    return Gguf({"repository": recipe.release.gguf, "reason": reason, "files": []})


def _answered(
    examined: Examination, leaves: Sequence[Leaf], wanted: EvaluateRecipe
) -> list[tuple[ExamItem, Answer]]:
    """Return the questions that the files are asked, with the model's own answers.

    They are the exams and the general questions without those with choices or a judge; of more than
    MOST_ASKED, each n-th one.
    """
    exams = [(exam_of(leaf), examined.leaves[leaf.path]) for leaf in leaves]
    parts = [*exams, (retention(wanted.general), examined.retention)]
    asked = [pair for items, answers in parts for pair in zip(items, answers, strict=True)]
    could = [(item, answer) for item, answer in asked if not (item.marking.choices or item.marking.judge)]
    return could[:: max(1, -(-len(could) // MOST_ASKED))]


def _make(
    model: Model,
    inputs: GgufInputs,
    expected: Sequence[tuple[ExamItem, Answer]],
    wanted: EvaluateRecipe,
    work: Path,
) -> dict[str, Any]:
    """Write the files to publish to the work folder, and return the results of all files."""
    result = work / RESULT
    shutil.rmtree(result, ignore_errors=True)
    result.mkdir(parents=True)
    say(f"converting the model to GGUF ({', '.join(inputs.types)})")
    rows = []
    for out_type in inputs.types:
        file = result / file_name(inputs.name, out_type)
        convert(model.folder, file, out_type, inputs.name)
        rows.append(_examined(file, out_type, expected, wanted))
        if rows[0]["refused"]:
            rows[-1]["refused"] = rows[-1]["refused"] or f"{rows[0]['name']} is not published"
        if rows[-1]["refused"]:
            file.unlink()
    kept = [row["name"] for row in rows if not row["refused"]]
    if kept:
        (result / NAME).write_text(modelfile(kept[-1], load_tokenizer(model.folder)), encoding="utf-8")
    return {
        "converter": CONVERTER,
        "runtime": f"{PACKAGE} {inputs.runtime}",
        "asked": len(expected),
        "right": sum(answer.right for _, answer in expected),
        "files": rows,
    }


def _examined(
    file: Path, out_type: str, expected: Sequence[tuple[ExamItem, Answer]], wanted: EvaluateRecipe
) -> dict[str, Any]:
    """Ask a file the questions, and return how its answers compare with those of the safetensors."""
    texts = answers_of(file, [item for item, _ in expected], wanted)
    pairs = list(zip(expected, texts, strict=True))
    right = sum(item.right(text) for (item, _), text in pairs)
    return {
        "name": file.name,
        "type": out_type,
        "size": file.stat().st_size,
        "right": right,
        "equal": sum(text == answer.answer for (_, answer), text in pairs),
        "refused": refusal(out_type, right, sum(answer.right for _, answer in expected)),
    }
