"""Check a repository, its GitHub, its runner and its Hub for all that the loop needs; change nothing."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.diagnosis import Diagnosis, seen
from bot.errors import UserError
from bot.extras import extras
from bot.recipe import Recipe, load_recipe
from bot.store import Store, StoreError, cache_folder

if TYPE_CHECKING:
    from github.Repository import Repository

WORKFLOWS = ("lint", "report", "commands", "retrain", "reap")
MODULES = {"train": "torch", "deepspeed": "deepspeed", "vllm": "vllm", "s3": "s3fs", "gcs": "gcsfs"}
"""A module that each extra brings."""
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
        looks += [partial(part, kept) for part in (_store, _hub, _models, _disk)]
        looks.append(lambda: _extras(recipe))
    for look in [*looks, _engines]:
        try:
            found += look()
        except UserError as error:
            subject, _, what = str(error).partition(": ")
            found.append(Diagnosis(subject, "missing", what or subject))
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
    from bot.github import runners
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
        yield from _publishing(here)
    with github_errors("runner"):
        yield from runners.look(here)
    if recipe:
        with github_errors("store of all jobs"):
            url = runners.variable(here, "ARBORIST_STORE") or recipe.store
        yield from _store_of_jobs(url)


def _publishing(here: "Repository") -> Iterator[Diagnosis]:
    """A token must be a secret of the environment; without one the Hub must trust the workflow."""
    from bot.github.settings import ENVIRONMENT, environment_of

    name = "HF_TOKEN"
    if name in {secret.name for secret in here.get_secrets()}:
        everywhere = "is a secret of the repository, so workflows of every branch may read it"
        yield Diagnosis(name, "missing", f"{everywhere}; move it to the environment {ENVIRONMENT}")
        return
    environment = environment_of(here)
    if environment and name in {secret.name for secret in environment.get_secrets()}:
        yield Diagnosis(name, "ok", f"is a secret of the environment {ENVIRONMENT}")
        return
    trusted = (
        f"no token is set, so the Hub must trust this publisher: repository {here.full_name}, "
        f"branch {here.default_branch}, workflow retrain.yml, environment {ENVIRONMENT} "
        "(in the model's settings on the Hub)"
    )
    yield Diagnosis("publishing", "unknown", trusted)


def _store(recipe: Recipe) -> Iterator[Diagnosis]:
    url = recipe.store_url()
    store = Store(url)
    try:
        store.put("doctor", "probe", {"what": "written to see whether it can be"}, {"probe": b"probe"})
        store.forget("doctor", "probe")
    except StoreError as error:
        what = str(error).removeprefix(f"store {url}: ")
        yield Diagnosis(
            "store", "missing", f"{url} cannot be written: {what}; or set ARBORIST_STORE to another place"
        )
        return
    yield Diagnosis("store", "ok", f"{url} can be written")


def _store_of_jobs(url: str) -> Iterator[Diagnosis]:
    """Whether the jobs on GitHub's machines reach the store, too, and not the GPU runner alone."""
    if "://" in url.removeprefix("file://"):
        private = "the jobs on GitHub's machines get no credentials for it; if it is not public, plans do not"
        yield Diagnosis("store of all jobs", "advice", f"{url}: {private} say what is reused")
        return
    shared = "set the variable ARBORIST_STORE to a place that all reach, such as s3://bucket/store"
    if not Path(url.removeprefix("file://")).is_absolute():
        lost = f"{url} is a folder of each job's checkout, which the next job clears"
        yield Diagnosis("store of all jobs", "advice", f"{lost}: nothing is reused; {shared}")
        return
    hosted = (
        "the jobs on GitHub's machines (report, commands) do not reach it, so plans take nothing for reused"
    )
    yield Diagnosis("store of all jobs", "advice", f"{url} is a folder of one machine: {hosted}; {shared}")


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


def _extras(recipe: Path) -> Iterator[Diagnosis]:
    """What a retraining needs beside the core dependencies, on the machine that samples and trains."""
    from importlib.util import find_spec

    needed = extras("retrain", recipe)
    absent = [one for one in needed if find_spec(MODULES[one]) is None]
    lack = f"not installed here: {', '.join(absent)}; the set-up step of the runner's jobs installs them"
    yield seen("extras", not absent, f"installed: {', '.join(needed)}", lack, "unknown")


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
