"""The commands that draft a leaf from a document, and from an issue with a document."""

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app, event_payload, step_outputs
from bot.core.errors import UserError


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
    from bot.taxonomy.new_leaf import Source, free_folder, snake_case

    loaded = load_recipe(recipe)
    name = snake_case(document.stem) or "draft"
    folder = free_folder("knowledge", leaf or f"drafts/{name}", loaded.taxonomy.root(repository))
    read = read_document(document)
    with closing(open_teacher(loaded)) as teacher:
        drafted = propose(read, loaded, teacher)
    for file in write_draft(drafted, document, folder, Source(author)):
        print(file)
    kept = sum(len(seed.pairs) for seed in drafted.seeds)
    reasons = ", ".join(f"{number} {filter_}" for filter_, number in drafted.dropped.most_common())
    say(
        f"{kept} questions and {len(drafted.exam)} exam questions; rules proposed {drafted.by_rule}, "
        f"and the teacher was asked about {drafted.asked} sentences; dropped: {reasons or 'none'}; "
        f"{drafted.missing} questions are left for you to write"
    )
    say("read and correct every question; `arborist lint` lists what is missing, such as the licence")


@app.command()
def draft_issue(
    folder: Annotated[Path, typer.Argument(help="A new folder, for the leaf or for the reason why not.")],
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Draft a leaf from the issue of a workflow's event. Only in a workflow; it needs no token."""
    from bot.config.load import load_recipe
    from bot.core.progress import say
    from bot.generate.draft import propose, read_document
    from bot.generate.draft_files import write_draft
    from bot.github.draft_pull import REFUSED
    from bot.github.draft_request import DraftRequest
    from bot.inference.teacher import open_teacher
    from bot.taxonomy.new_leaf import free_folder

    loaded = load_recipe(recipe)
    root = loaded.taxonomy.root(repository)
    if folder.exists():
        raise UserError(f"{folder}: it exists already; name a new folder")
    folder.mkdir(parents=True)
    try:
        with TemporaryDirectory() as place:
            request = DraftRequest.read(event_payload()["issue"])
            leaf = free_folder("knowledge", request.leaf, root)
            document = request.save(Path(place))
            read = read_document(document)
            with closing(open_teacher(loaded)) as teacher:
                drafted = propose(read, loaded, teacher)
            write_draft(drafted, document, folder / leaf.relative_to(root), request.source)
    except UserError as error:
        say(f"no draft: {error}")
        (folder / REFUSED).write_text(f"{error}\n", encoding="utf-8")


@app.command()
def propose_draft(
    folder: Annotated[Path, typer.Argument(help="The folder that draft-issue wrote, as an artifact.")],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Check a drafted leaf, and open a pull request with it. Only in a workflow; it answers the issue."""
    from bot.config.load import load_recipe
    from bot.github.client import connect, github_errors
    from bot.github.draft_pull import propose_draft as propose
    from bot.github.draft_request import DraftRequest

    event = event_payload()
    with github_errors("proposing a draft"):
        request, about = DraftRequest.read(event["issue"]), str(event["comment"]["id"])
        print(propose(connect(), request, folder, load_recipe(recipe), f"{about} draft"))
    step_outputs({"answered": "true"})
