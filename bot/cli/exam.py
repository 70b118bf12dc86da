"""The command that asks a model the exams of leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app, json_text, named_leaves

if TYPE_CHECKING:
    from bot.evaluate.examine import Answer
    from bot.inference.models import Model
    from bot.inference.retrieval import Passage
    from bot.pipeline.retrieval import Found
    from bot.taxonomy.leaf import Leaf

VERSION = 1
"""The version of schemas/exam-result.json."""


@app.command()
def exam(
    leaves: Annotated[list[str] | None, typer.Argument(help="Paths of leaves. Default: all leaves.")] = None,
    model: Annotated[
        str,
        typer.Option(
            help="A release tag, a folder, a GGUF file, org/name@revision, or embedded. "
            "Default: the newest release, or the base if there is none."
        ),
    ] = "",
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON by schemas/exam-result.json.")] = False,
    rag: Annotated[
        bool,
        typer.Option("--rag", help="Give the model passages of the documents. Asks knowledge leaves only."),
    ] = False,
) -> None:
    """Ask a model the exams of leaves, and print each question, answer and mark. Known answers are reused."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.evaluate.examine import exam_answers
    from bot.evaluate.exams import exam_of
    from bot.pipeline.model_by_name import model_by_name

    loaded = load_recipe(recipe)
    asked = named_leaves(repository, leaves, loaded)
    examinee, name = model_by_name(model, loaded)
    store, found = Store(loaded.store_url()), None
    if rag:
        from bot.pipeline.retrieval import answers_with_passages, shelf_of

        asked = _knowledge(asked, leaves)
        shelf = shelf_of(examinee.folder, repository, loaded, store)
        answers, found, _ = answers_with_passages(examinee, asked, shelf, loaded, store)
    else:
        answers = exam_answers(examinee, asked, loaded.evaluate, store)
    result = _result(examinee, name, asked, answers, found)
    if as_json:
        print(json_text(result))
    else:
        for leaf in result["leaves"]:
            _print_leaf(leaf)
    _say_totals(f"{name}{' with passages' if rag else ''}", result, sum(len(exam_of(one)) for one in asked))


def _say_totals(who: str, result: Mapping[str, Any], questions: int) -> None:
    """Say how many answers are right, and what that does not tell.

    Args:
        result: the content of the JSON output.
        questions: how many questions the exams have.
    """
    from bot.core.progress import say
    from bot.release.exam_words import remarks

    leaves = result["leaves"]
    right, total = (sum(leaf[key] for leaf in leaves) for key in ("right", "asked"))
    places = f"{len(leaves)} {'leaf' if len(leaves) == 1 else 'leaves'}"
    say(f"{who}: {right} of {total} questions right, in {places}")
    if questions > total:
        say(f"{questions - total} questions were not asked: llama.cpp cannot choose between given answers")
    for remark in remarks(leaf["status"] for leaf in leaves):
        say(remark)


def _knowledge(found: "Sequence[Leaf]", named: "Sequence[str] | None") -> "list[Leaf]":
    """Return the leaves that are asked with passages.

    Raises:
        UserError: a leaf that was named is a skill, or there is no knowledge leaf.
    """
    from bot.core.errors import UserError
    from bot.pipeline.retrieval import knowledge

    kept = knowledge(found)
    skills = [leaf.path for leaf in found if leaf not in kept]
    if skills and (named or not kept):
        raise UserError(
            f"{skills[0]}: this is a skill, and --rag is for knowledge leaves only; leave out --rag, or "
            "name a knowledge leaf"
        )
    return kept


def _result(
    model: "Model",
    name: str,
    leaves: "Sequence[Leaf]",
    answers: "Mapping[str, Sequence[Answer]]",
    found: "Found | None",
) -> dict[str, Any]:
    """Return the content of the JSON output; schemas/exam-result.json describes it.

    Args:
        found: the passages of each question; None without retrieval.
    """
    from dataclasses import asdict

    from bot.evaluate.exams import exam_status

    return {
        "version": VERSION,
        "model": {"name": name, "id": model.id},
        "leaves": [
            {
                "path": leaf.path,
                "status": exam_status(leaf),
                "right": sum(one.right for one in answers[leaf.path]),
                "asked": len(answers[leaf.path]),
                "answers": [
                    {**asdict(one), **({"passages": _places(found[leaf.path][number])} if found else {})}
                    for number, one in enumerate(answers[leaf.path])
                ],
            }
            for leaf in leaves
        ],
    }


def _places(passages: "Sequence[Passage]") -> list[dict[str, Any]]:
    return [{"leaf": one.leaf, "document": one.document, "position": one.position} for one in passages]


def _print_leaf(leaf: Mapping[str, Any]) -> None:
    """Print a leaf's questions as a table; text from contributors and models is never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bot.release.exam_words import questions
    from bot.taxonomy.files import shown

    def cell(text: str) -> Text:
        return Text(shown(" ".join(text.split())))

    with_passages = any("passages" in one for one in leaf["answers"])
    table = Table("mark", "question", "answer", *(["passages"] if with_passages else []), box=None)
    for one in leaf["answers"]:
        used = ", ".join(f"{at['document']}#{at['position']}" for at in one.get("passages", ()))
        cells = [one["question"], one["answer"], *([used] if with_passages else [])]
        mark = ("right" if one["right"] else "wrong") + (" (by a judge)" if one["judged"] else "")
        table.add_row(mark, *map(cell, cells))
    console = Console(highlight=False)
    asked = questions(leaf["status"], leaf["asked"])
    console.print(f"{leaf['path']}: {leaf['right']} right of {asked}", markup=False, style="bold")
    console.print(table)
