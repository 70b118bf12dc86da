"""Retrieval beside tuning: what models answer with passages of the documents before each question."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.config.recipe import EvaluateRecipe, Recipe, RetrievalRecipe
from bot.core.durations import Took, record, this_device
from bot.core.errors import UserError
from bot.core.progress import say, step
from bot.core.store import Entry, Store
from bot.evaluate.answers import answerable
from bot.evaluate.examine import Answer, answers_to, exam_answers
from bot.evaluate.exams import exam_of
from bot.evaluate.retrieval import retrieval_exam
from bot.inference.models import Model
from bot.inference.retrieval import FILE as IN_RELEASE
from bot.inference.retrieval import Passage, Shelf
from bot.pipeline.passages import FILE, taxonomy_passages
from bot.pipeline.training_speed import retrieval_by
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import read_checkout

Found = Mapping[str, Sequence[Sequence[Passage]]]
"""Leaf -> for each question of its exam, the passages that were found."""


def open_shelf(file: Path, recipe: Recipe) -> Shelf:
    """Open a file of passages, which may come from anybody, with the recipe's encoder.

    Raises:
        UserError: it is not such a file, or another encoder made its vectors.
    """
    from bot.inference.encoder import open_encoder
    from bot.inference.passages import check_encoder, read_passages

    table, encoder = read_passages(file), open_encoder(recipe.retrieval.encoder)
    check_encoder(table, encoder, str(file))
    return Shelf(table, encoder)


def shelf_of(model: Path, repository: Path, recipe: Recipe, store: Store) -> Shelf:
    """Open the passages of a release, or of the taxonomy's documents if the model has none.

    Args:
        model: the model's folder.
        repository: the checkout with the taxonomy.

    Raises:
        UserError: the file of the release cannot be used, or the taxonomy has no documents.
    """
    if (model / IN_RELEASE).is_file():
        return open_shelf(model / IN_RELEASE, recipe)
    say("the model has no passages: searching the documents of the taxonomy")
    leaves = read_checkout(repository, recipe.taxonomy, recipe.documents)
    entry = taxonomy_passages(leaves, recipe, store)
    if entry is None:
        raise UserError(
            f"{repository}: no leaf has a document whose passages could be searched; leave out --rag"
        )
    return open_shelf(entry.checked_file(FILE), recipe)


def passages_given(recipe: Recipe) -> int:
    """Return how many passages a model is given with a question, also if the recipe has no retrieval."""
    return recipe.retrieval.passages or RetrievalRecipe.passages


def answers_with_passages(
    model: Model, leaves: Sequence[Leaf], shelf: Shelf, recipe: Recipe, store: Store
) -> tuple[dict[str, tuple[Answer, ...]], Found, int]:
    """Return leaf -> a model's answers to its exam with passages, the passages, and how many are new."""
    exams = {
        leaf.path: retrieval_exam(answerable(model.folder, exam_of(leaf)), shelf, passages_given(recipe))
        for leaf in leaves
    }
    questions = {path: items for path, (items, _) in exams.items()}
    answers, asked = answers_to(model, questions, _narrow(recipe.evaluate), store)
    return answers, {path: found for path, (_, found) in exams.items()}, asked


@step("examining with passages of the documents")
def retrieval_results(
    base: Model, tuned: Model, leaves: Sequence[Leaf], entry: Entry | None, recipe: Recipe, store: Store
) -> dict[str, dict[str, dict[str, int]]]:
    """Return leaf -> its exam's results with retrieval, as in the manifest; only of knowledge leaves.

    Args:
        entry: see `taxonomy_passages`; without it there are no results.
    """
    if entry is None:
        return {}
    asked, shelf = knowledge(leaves), open_shelf(entry.checked_file(FILE), recipe)
    alone, began = exam_answers(base, asked, recipe.evaluate, store), time.monotonic()
    with_base, _, of_base = answers_with_passages(base, asked, shelf, recipe, store)
    with_tuned, _, of_tuned = answers_with_passages(tuned, asked, shelf, recipe, store)
    seconds, by = time.monotonic() - began, retrieval_by(recipe)
    record(store, Took("retrieval", this_device(), of_base + of_tuned, seconds, len(leaves), by))
    results = {"base_alone": alone, "base": with_base, "tuned": with_tuned}
    return {leaf.path: {name: _tally(found[leaf.path]) for name, found in results.items()} for leaf in asked}


def knowledge(leaves: Sequence[Leaf]) -> list[Leaf]:
    """Return the leaves whose exams are asked with passages."""
    return [leaf for leaf in leaves if leaf.kind == "knowledge"]


def _tally(answers: Sequence[Answer]) -> dict[str, Any]:
    return {"right": sum(answer.right for answer in answers), "asked": len(answers)}


def _narrow(wanted: EvaluateRecipe) -> EvaluateRecipe:
    """Return smaller batches, since a question with passages is several times as long; no answer changes."""
    return replace(wanted, batch=max(1, wanted.batch // 4))
