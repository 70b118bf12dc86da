"""Models by the names that commands accept: a release's tag, a folder, a name on the Hub, or none."""

from pathlib import Path

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.inference.engine_llamacpp import gguf_model, names_gguf
from bot.inference.models import Model, model_folder, model_revision
from bot.pipeline.train import todays_model
from bot.release.hub import Release, latest_release, release_at
from bot.release.hub_repository import TAG


def model_by_name(name: str, recipe: Recipe) -> tuple[Model, str]:
    """Return a model, downloaded if necessary, and its name for display.

    Args:
        name: a release's tag, a folder, a GGUF file, `org/name@revision` or `embedded`; "" for today's model:
            the newest release, or the base if there is none.

    Raises:
        UserError: there is no such model, or it cannot be downloaded.
    """
    if names_gguf(name):
        return gguf_model(Path(name)), name
    if name and not TAG.fullmatch(name):
        return Model(model_folder(name), model_revision(name)), name
    place = recipe.release.repository
    released = named_release(place, name) if name else latest_release(place)
    shown = f"{place} {released.tag}" if released else f"the base {recipe.student.model}"
    return todays_model(released, recipe), shown


def named_release(repository: str, tag: str) -> Release:
    """Return the release with a tag, or the newest one if the tag is "".

    Raises:
        UserError: there is no such release.
    """
    release = release_at(repository, tag) if tag else latest_release(repository)
    if release is None:
        raise UserError(f"{repository} has no release{' ' + tag if tag else ''}; name another model")
    return release
