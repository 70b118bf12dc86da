"""What a repository, its GitHub, its runner and its Hub lack before the loop can close: seen, not mended."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.diagnosis import Diagnosis, seen
from bot.errors import UserError
from bot.recipe import Recipe, load_recipe
from bot.store import Store, cache_folder

WORKFLOWS = ("lint", "report", "commands", "retrain", "reap")
BESIDE_GB = 3
"""Disk space beside what training takes: the engines' caches, samples, the released models of before."""


def examine(repository: Path, recipe: Path) -> list[Diagnosis]:
    """Look at everything; what fails says so and keeps nothing else from being looked at."""
    found = []
    loaded: Recipe | None = None
    try:
        loaded = load_recipe(recipe)
        found.append(Diagnosis("recipe", "ok", f"{recipe}: {loaded.release.repository}"))
    except UserError as error:
        found.append(Diagnosis("recipe", "missing", str(error)))
    looks: list[Callable[[], Iterator[Diagnosis]]] = [lambda: _files(repository), lambda: _github(loaded)]
    if loaded:
        kept = loaded
        looks += [lambda: _store(kept), lambda: _hub(kept), lambda: _models(kept), lambda: _disk(kept)]
    for look in [*looks, _engines]:
        try:
            found += look()
        except UserError as error:
            found.append(Diagnosis(str(error).partition(":")[0], "missing", str(error)))
    return found


def _files(repository: Path) -> Iterator[Diagnosis]:
    missing = [
        f"{name}.yml" for name in WORKFLOWS if not (repository / ".github/workflows" / f"{name}.yml").exists()
    ]
    mend = f"not there: {', '.join(missing)}; `arborist init` writes them"
    yield seen("workflows", not missing, "all there", mend)
    leaves = len(list((repository / "taxonomy").rglob("qna.yaml")))
    yield seen("taxonomy", leaves > 0, f"{leaves} leaves", "no leaf; `arborist new` makes one")


def _github(recipe: Recipe | None) -> Iterator[Diagnosis]:
    from bot.github.client import configured, connect, github_errors
    from bot.github.settings import look

    if not configured():
        yield Diagnosis("github", "unknown", "not looked at: GITHUB_REPOSITORY and GITHUB_TOKEN are not set")
        return
    with github_errors("github"):
        here = connect()
        yield Diagnosis("github", "ok", f"{here.full_name}, main is {here.default_branch}")
    if recipe:
        yield from look(here, recipe)
    with github_errors("HF_TOKEN"):
        secrets = {secret.name for secret in here.get_secrets()}
    mend = "set it in the environment release, or let the Hub trust retrain.yml"
    yield seen("HF_TOKEN", "HF_TOKEN" in secrets, "is set", mend, "unknown")
    with github_errors("runner"):
        runners = [
            r for r in here.get_self_hosted_runners() if "gpu" in {label["name"] for label in r.labels}
        ]
    online = [runner.name for runner in runners if runner.status == "online"]
    mend = "register one with the labels self-hosted and gpu; samples and retraining wait for it"
    yield seen("runner", bool(online), f"online: {', '.join(online)}", mend)


def _store(recipe: Recipe) -> Iterator[Diagnosis]:
    url = recipe.store_url()
    store = Store(url)
    try:
        store.put("doctor", "probe", {"what": "written to see whether it can be"}, {"probe": b"probe"})
        store.forget("doctor", "probe")
    except OSError as error:
        yield Diagnosis(
            "store", "missing", f"{url} cannot be written: {error}; set ARBORIST_STORE to a place that can"
        )
        return
    yield Diagnosis("store", "ok", f"{url} can be written")


def _hub(recipe: Recipe) -> Iterator[Diagnosis]:
    from huggingface_hub import HfApi

    from bot.release.hub import endpoint, hub_errors

    name = recipe.release.repository
    if not os.environ.get("HF_TOKEN"):
        yield Diagnosis("hub", "unknown", f"not looked at: HF_TOKEN is not set, which may push to {name}")
        return
    with hub_errors("hub"):
        me = HfApi(endpoint=endpoint()).whoami(token=os.environ["HF_TOKEN"])
    mine = {me["name"], *(organization["name"] for organization in me.get("orgs", ()))}
    owner = name.partition("/")[0]
    mend = f"{me['name']} is not in {owner}, so it cannot push to {name}"
    yield seen("hub", owner in mine, f"{me['name']} may push to {name}", mend)


def _models(recipe: Recipe) -> Iterator[Diagnosis]:
    from bot.models import model_name, tokenizer_at_hand

    models = {"teacher": recipe.teacher.model, "student": recipe.student.model}
    if recipe.teacher.engine == "openai":
        where = f"{models.pop('teacher')} at {recipe.teacher.url}; it is asked when needed"
        yield Diagnosis("teacher", "unknown", where)
    for role, model in models.items():
        shown = model_name(model)
        mend = f"{shown} is not on this machine; it is fetched when needed"
        yield seen(role, tokenizer_at_hand(model) is not None, shown, mend, "unknown")


def _disk(recipe: Recipe) -> Iterator[Diagnosis]:
    from bot.estimate import disk_gb, parameters

    folder = Store(recipe.store_url()).local or cache_folder()
    # A store that is not there yet will be on its parents' disk.
    there = next(parent for parent in (folder, *folder.resolve().parents) if parent.is_dir())
    free = shutil.disk_usage(there).free / 1e9
    what = f"{free:.0f} GB free at {folder}"
    try:
        wanted = disk_gb(parameters(recipe), recipe) + BESIDE_GB
    except UserError as error:
        yield Diagnosis("disk", "unknown", f"{what}; how many are wanted is not known: {error}")
        return
    yield seen("disk", free >= wanted, what, f"{what}; training wants {wanted:.0f}")


def _engines() -> Iterator[Diagnosis]:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        yield Diagnosis(
            "engines", "unknown", "torch is not installed here, so this machine samples and trains nothing"
        )
        return
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: small models only"
    yield Diagnosis("engines", "ok", f"torch {torch.__version__}, {name}")
