"""The command that asks a model the exams of leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app, json_text, named_leaves

if TYPE_CHECKING:
    from bot.evaluate.examine import Answer
    from bot.inference.models import Model
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
) -> None:
    """Ask a model the exams of leaves, and print each question, answer and mark. Known answers are reused."""
    from bot.config.load import load_recipe
    from bot.core.progress import say
    from bot.core.store import Store
    from bot.evaluate.examine import exam_answers
    from bot.evaluate.exams import exam_of
    from bot.pipeline.model_by_name import model_by_name
    from bot.release.exam_words import remarks

    loaded = load_recipe(recipe)
    asked = named_leaves(repository, leaves, loaded)
    examinee, name = model_by_name(model, loaded)
    answers = exam_answers(examinee, asked, loaded.evaluate, Store(loaded.store_url()))
    result = _result(examinee, name, asked, answers)
    if as_json:
        print(json_text(result))
    else:
        for leaf in result["leaves"]:
            _print_leaf(leaf)
    right, total = (sum(leaf[key] for leaf in result["leaves"]) for key in ("right", "asked"))
    places = f"{len(asked)} {'leaf' if len(asked) == 1 else 'leaves'}"
    say(f"{name}: {right} of {total} questions right, in {places}")
    if left_out := sum(len(exam_of(leaf)) for leaf in asked) - total:
        say(f"{left_out} questions were not asked: llama.cpp cannot choose between given answers")
    for remark in remarks(leaf["status"] for leaf in result["leaves"]):
        say(remark)


def _result(
    model: "Model", name: str, leaves: "Sequence[Leaf]", answers: "Mapping[str, Sequence[Answer]]"
) -> dict[str, Any]:
    """Return the content of the JSON output; schemas/exam-result.json describes it."""
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
                "answers": [asdict(one) for one in answers[leaf.path]],
            }
            for leaf in leaves
        ],
    }


def _print_leaf(leaf: Mapping[str, Any]) -> None:
    """Print a leaf's questions as a table; text from contributors and models is never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bot.release.exam_words import questions
    from bot.taxonomy.files import shown

    def cell(text: str) -> Text:
        return Text(shown(" ".join(text.split())))

    table = Table("mark", "question", "answer", box=None)
    for one in leaf["answers"]:
        table.add_row("right" if one["right"] else "wrong", cell(one["question"]), cell(one["answer"]))
    console = Console(highlight=False)
    asked = questions(leaf["status"], leaf["asked"])
    console.print(f"{leaf['path']}: {leaf['right']} right of {asked}", markup=False, style="bold")
    console.print(table)
