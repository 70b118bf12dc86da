"""Check a repository, its settings on GitHub, its runner and the Hub, without changing anything."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from bot.config.load import load_layout, load_prefix, load_recipe
from bot.config.recipe import Recipe
from bot.core.diagnosis import Diagnosis, seen
from bot.core.errors import UserError
from bot.core.store import Store, StoreError, cache_folder
from bot.core.workflow_names import RETRAIN, ROLLBACK
from bot.setup.extras import extras
from bot.setup.init import CALLED, workflow_path
from bot.taxonomy.tree import leaves_of

if TYPE_CHECKING:
    from github.Repository import Repository

MODULES = {
    "train": "torch",
    "deepspeed": "deepspeed",
    "gguf": "xllamacpp",
    "lm-eval": "lm_eval",
    "rag": "lancedb",
    "ray": "ray",
    "sentence-transformers": "sentence_transformers",
    "vllm": "vllm",
    "s3": "s3fs",
    "gcs": "gcsfs",
    "release": "model_signing",
}
"""For each extra, a module that it installs."""
ADD = "`arborist new` adds one"
BESIDE_GB = 3
"""Disk space in addition to training: caches of the engines, samples, and earlier released models."""


def check(repository: Path, recipe: Path) -> list[Diagnosis]:
    """Run all checks. A check that fails with an error is reported, and the others still run.

    Args:
        repository: the checkout with the taxonomy.
        recipe: the path of the recipe.
    """
    found = []
    loaded: Recipe | None = None
    try:
        loaded = load_recipe(recipe)
        found.append(Diagnosis("recipe", "ok", f"{recipe}: {loaded.release.repository}"))
    except UserError as error:
        found.append(Diagnosis("recipe", "missing", str(error)))
    looks: list[Callable[[], Iterator[Diagnosis]]] = [
        lambda: _files(repository, recipe),
        lambda: _github(loaded),
    ]
    if loaded:
        kept = loaded
        looks += [partial(part, kept) for part in (_hub, _models)]
        looks += [lambda: _store(kept, repository), lambda: _disk(kept, repository)]
        looks.append(lambda: _extras(recipe))
    for look in [*looks, _engines]:
        try:
            found += look()
        except UserError as error:
            subject, _, what = str(error).partition(": ")
            found.append(Diagnosis(subject, "missing", what or subject))
    return found


def _files(repository: Path, recipe: Path) -> Iterator[Diagnosis]:
    prefix = load_prefix(recipe)
    paths = [workflow_path(name, prefix) for name in CALLED]
    missing = [PurePosixPath(path).name for path in paths if not (repository / path).exists()]
    hint = f"missing: {', '.join(missing)}; `arborist init` writes them"
    yield seen("workflows", not missing, "all exist", hint)
    layout = load_layout(recipe, repository)
    there = layout.root(repository).is_dir()
    leaves = len(leaves_of(layout.on_disk(repository))) if there else 0
    where = layout.prefix or "the repository's root"
    count = "1 leaf" if leaves == 1 else f"{leaves} leaves"
    yield seen("taxonomy", leaves > 0, f"{count} in {where}", f"no leaf in {where}; {ADD}")


def _github(recipe: Recipe | None) -> Iterator[Diagnosis]:
    from bot.github import runners
    from bot.github.client import configured, connect, github_errors
    from bot.github.repository_settings import look

    if not configured():
        yield Diagnosis("github", "unknown", "not checked: set GITHUB_REPOSITORY and GITHUB_TOKEN")
        return
    with github_errors("github"):
        here = connect()
        yield Diagnosis("github", "ok", f"{here.full_name}, default branch {here.default_branch}")
    if recipe:
        yield from look(here, recipe)
    with github_errors("HF_TOKEN"):
        yield from _publishing(here)
    with github_errors("runner"):
        yield from runners.look(here)
    if recipe:
        with github_errors("store of all jobs"):
            url = runners.variable(here, "ARBORIST_STORE") or recipe.store
            publisher = runners.variable(here, "ARBORIST_PUBLISHER")
        yield from _store_of_jobs(url)
        yield _publisher(url, publisher)


def _publishing(here: "Repository") -> Iterator[Diagnosis]:
    """Check that HF_TOKEN is a secret of the environment; without it, the Hub must trust the workflow."""
    from bot.github.repository_settings import ENVIRONMENT, environment_of

    name = "HF_TOKEN"
    if name in {secret.name for secret in here.get_secrets()}:
        everywhere = "is a secret of the repository, so workflows of every branch can read it"
        yield Diagnosis(name, "missing", f"{everywhere}; move it to the environment {ENVIRONMENT}")
        return
    environment = environment_of(here)
    if environment and name in {secret.name for secret in environment.get_secrets()}:
        yield Diagnosis(name, "ok", f"is a secret of the environment {ENVIRONMENT}")
        return
    trusted = (
        "HF_TOKEN is not set, so add a trusted publisher in the model's settings on the Hub: "
        f"repository {here.full_name}, branch {here.default_branch}, workflow {RETRAIN}, "
        f"environment {ENVIRONMENT}; and another one with workflow {ROLLBACK}"
    )
    yield Diagnosis("publishing", "unknown", trusted)


def _url_of_store(recipe: Recipe, repository: Path) -> str:
    """Return the store's URL; a relative folder is one of the repository's."""
    url = recipe.store_url()
    return url if "://" in url else str(repository / url)


def _store(recipe: Recipe, repository: Path) -> Iterator[Diagnosis]:
    url = _url_of_store(recipe, repository)
    store = Store(url)
    try:
        store.put("doctor", "probe", {"what": "written to see whether it can be"}, {"probe": b"probe"})
        store.forget("doctor", "probe")
    except StoreError as error:
        what = str(error).removeprefix(f"store {url}: ")
        yield Diagnosis(
            "store",
            "missing",
            f"{url} cannot be written: {what}; fix this, or set ARBORIST_STORE to another place",
        )
        return
    yield Diagnosis("store", "ok", f"{url} is writable")


def _store_of_jobs(url: str) -> Iterator[Diagnosis]:
    """Check that not only the GPU runner can reach the store, but also the GitHub-hosted jobs."""
    if "://" in url.removeprefix("file://"):
        private = "GitHub-hosted jobs get no credentials for it; if it is not public, plans cannot show"
        yield Diagnosis("store of all jobs", "advice", f"{url}: {private} which samples are reused")
        return
    shared = "set the variable ARBORIST_STORE to a place that all jobs can reach, such as s3://bucket/store"
    if not Path(url.removeprefix("file://")).is_absolute():
        lost = f"{url} is a folder in each job's checkout, which the next job deletes"
        yield Diagnosis("store of all jobs", "advice", f"{lost}: nothing is reused; {shared}")
        return
    hosted = (
        "GitHub-hosted jobs (report, commands) cannot reach it, so plans cannot show which samples are reused"
    )
    yield Diagnosis("store of all jobs", "advice", f"{url} is a folder of one machine: {hosted}; {shared}")


def _publisher(url: str, publisher: str) -> Diagnosis:
    """Check that the job that publishes runs where the store can be read.

    Args:
        publisher: the variable ARBORIST_PUBLISHER; "" for a GitHub-hosted runner.
    """
    if publisher:
        return Diagnosis("publisher", "ok", f"runs on {publisher}, which must be able to read {url}")
    name = "set the variable ARBORIST_PUBLISHER to the labels of a runner that can"
    if "://" in url.removeprefix("file://"):
        found = (
            f"a GitHub-hosted job publishes and has no credentials for {url}: if it cannot be read without"
        )
        return Diagnosis("publisher", "advice", f"{found} any, {name}")
    found = f"a GitHub-hosted job publishes and cannot read {url}, which is a folder of another machine"
    return Diagnosis("publisher", "missing", f'{found}; {name}, such as ["self-hosted", "store"]')


def _hub(recipe: Recipe) -> Iterator[Diagnosis]:
    from huggingface_hub import HfApi

    from bot.core.hub_address import endpoint, limit_waiting
    from bot.release.companions import all_repositories
    from bot.release.hub_repository import hub_errors

    repositories = all_repositories(recipe.release)
    name = " and ".join(one.resource for one in repositories)
    if not os.environ.get("HF_TOKEN"):
        yield Diagnosis("hub", "unknown", f"not checked: set HF_TOKEN to a token with write access to {name}")
        return
    with hub_errors("hub"):
        limit_waiting()
        me = HfApi(endpoint=endpoint()).whoami(token=os.environ["HF_TOKEN"])
    mine = {me["name"], *(organization["name"] for organization in me.get("orgs", ()))}
    others = sorted({one.name.partition("/")[0] for one in repositories} - mine)
    hint = f"{me['name']} is not a member of {' and '.join(others)}, so it cannot push to {name}"
    yield seen("hub", not others, f"{me['name']} can push to {name}", hint)


def _models(recipe: Recipe) -> Iterator[Diagnosis]:
    from bot.inference.models import model_name, tokenizer_at_hand

    models = {"teacher": recipe.teacher.model, "student": recipe.student.model}
    if recipe.teacher.engine == "openai":
        place = recipe.teacher.url or "the URL in ARBORIST_TEACHER_URL"
        where = f"{models.pop('teacher')} at {place}; the endpoint was not checked"
        yield Diagnosis("teacher", "unknown", where)
    for role, model in models.items():
        shown = model_name(model)
        hint = f"{shown} is not on this machine; it is downloaded when needed"
        yield seen(role, tokenizer_at_hand(model) is not None, shown, hint, "unknown")


def _disk(recipe: Recipe, repository: Path) -> Iterator[Diagnosis]:
    from bot.pipeline.estimate_training import disk_gb, parameters

    folder = Store(_url_of_store(recipe, repository)).local or cache_folder()
    # If the store does not exist yet, check the disk of its nearest existing parent.
    there = next(parent for parent in (folder, *folder.resolve().parents) if parent.is_dir())
    free = shutil.disk_usage(there).free / 1e9
    what = f"{free:.0f} GB free at {folder}"
    try:
        wanted = disk_gb(parameters(recipe), recipe) + BESIDE_GB
    except UserError as error:
        yield Diagnosis("disk", "unknown", f"{what}; the space that training needs is unknown: {error}")
        return
    yield seen("disk", free >= wanted, what, f"{what}; training needs {wanted:.0f} GB")


def _extras(recipe: Path) -> Iterator[Diagnosis]:
    """Check the extras that retraining needs on the machine that samples and trains."""
    from importlib.util import find_spec

    needed = extras("train", recipe)
    absent = [one for one in needed if find_spec(MODULES[one]) is None]
    lack = f"not installed here: {', '.join(absent)}; the set-up step of the runner's jobs installs them"
    yield seen("extras", not absent, f"installed: {', '.join(needed)}", lack, "unknown")


def _engines() -> Iterator[Diagnosis]:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        yield Diagnosis(
            "engines",
            "unknown",
            "torch is not installed here, so this machine cannot generate samples or train",
        )
        return
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU, so only for small models"
    yield Diagnosis("engines", "ok", f"torch {torch.__version__}, {name}")
