"""The command that compares two releases."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.root import RecipeOption, app, json_text
from bot.core.errors import UserError

if TYPE_CHECKING:
    from bot.core.store import Store
    from bot.release.compare_releases import StoredAnswers
    from bot.release.hub import Release


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="The tag of the earlier release, such as v2026.11.28.1.")],
    after: Annotated[str, typer.Argument(help="The tag of the later release, such as v2026.11.29.1.")],
    model: Annotated[
        str, typer.Option(help="The model's repository on the Hub. Default: as arborist.yaml says.")
    ] = "",
    recipe: RecipeOption = Path("arborist.yaml"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the difference as JSON; see schemas/diff.json.")
    ] = False,
) -> None:
    """Compare two releases: leaves, exam marks, near misses, and answers that became wrong."""
    from rich.console import Console

    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.release.compare_releases import compare_releases
    from bot.release.difference_table import print_difference

    if model and not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        raise UserError(f"--model {model}: this is no name of a repository on the Hub; write org/name")
    # Whoever compares somebody else's releases has no recipe and no store.
    loaded = None if model and not recipe.exists() else load_recipe(recipe)
    place = model or (loaded.release.repository if loaded else "")
    earlier, later = (_release(place, tag) for tag in (before, after))
    store = Store(loaded.store_url()) if loaded else None
    answers = _answers(earlier, store), _answers(later, store)
    try:
        found = compare_releases(earlier.manifest, later.manifest, *answers)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise UserError(
            f"{place}: manifest.json of {earlier.tag} or {later.tag} is not a release's; "
            "`arborist verify` says why"
        ) from None
    if as_json:
        print(json_text(found.to_json()))
    else:
        print_difference(found, Console())


def _release(model: str, tag: str) -> "Release":
    """Return a release.

    Raises:
        UserError: the model has no release with this tag.
    """
    from bot.release.hub import latest_release, release_at

    release = release_at(model, tag)
    if release is None:
        newest = latest_release(model)
        known = f"its newest is {newest.tag}" if newest else "it has none"
        raise UserError(f"{model} has no release {tag}; {known}")
    return release


def _answers(release: "Release", store: "Store | None") -> "StoredAnswers":
    """Return the answers of a release's model that the store has; none if it cannot be reached."""
    from bot.core.progress import say
    from bot.core.store import StoreError
    from bot.pipeline.released_answers import released_answers
    from bot.release.compare_releases import NOT_STORED

    try:
        return released_answers(release.manifest, store) if store else NOT_STORED
    except StoreError as error:
        say(f"the answers of {release.tag} are not compared: {error}")
        return NOT_STORED
