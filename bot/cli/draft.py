"""The command that drafts a leaf from a document."""

import re
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app


@app.command()
def draft(
    document: Annotated[Path, typer.Argument(help="A Markdown, text, HTML, PDF or DOCX file.")],
    leaf: Annotated[
        str, typer.Option(help="The leaf's folder. Default: knowledge/drafts/ and the document's name.")
    ] = "",
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    author: Annotated[str, typer.Option(help="Your user name on GitHub.")] = "",
) -> None:
    """Draft a knowledge leaf from a document: the teacher asks, and you correct and complete the draft."""
    from bot.config.load import load_recipe
    from bot.core.progress import say
    from bot.generate.draft import propose, read_document
    from bot.generate.draft_files import write_draft
    from bot.inference.teacher import open_teacher
    from bot.taxonomy.new_leaf import free_folder

    loaded = load_recipe(recipe)
    name = re.sub(r"[^a-z0-9]+", "_", document.stem.casefold()).strip("_") or "draft"
    folder = free_folder("knowledge", leaf or f"drafts/{name}", loaded.taxonomy.root(repository))
    read = read_document(document)
    with closing(open_teacher(loaded)) as teacher:
        drafted = propose(read, loaded, teacher)
    for file in write_draft(drafted, document, folder, author):
        print(file)
    kept = sum(len(seed.pairs) for seed in drafted.seeds)
    reasons = ", ".join(f"{number} {filter_}" for filter_, number in drafted.dropped.most_common())
    say(
        f"{kept} questions and {len(drafted.exam)} exam questions; rules proposed {drafted.by_rule}, "
        f"and the teacher was asked about {drafted.asked} sentences; dropped: {reasons or 'none'}; "
        f"{drafted.missing} questions are left for you to write"
    )
    say("read and correct every question; `arborist lint` lists what is missing, such as the licence")
