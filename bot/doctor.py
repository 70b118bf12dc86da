"""What a repository, its GitHub, its runner and its Hub lack before the loop can close: seen, not mended."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.errors import UserError
from bot.recipe import Recipe, load_recipe
from bot.store import Store, cache_folder

WORKFLOWS = ("lint", "report", "commands", "sample", "retrain", "reap")
FREE_GB = 20
"""Disk space that a release of a small model needs: samples, checkpoints, weights."""

State = Literal["ok", "missing", "unknown"]


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes:
        state: whether it is in order; `unknown` where it cannot be seen from here.
        what: what was found, and for what is missing how to mend it.
    """

    name: str
    state: State
    what: str


def _seen(name: str, there: bool, what: str, mend: str, otherwise: State = "missing") -> Diagnosis:
    return Diagnosis(name, "ok", what) if there else Diagnosis(name, otherwise, mend)


def examine(repository: Path, recipe: Path) -> list[Diagnosis]:
    """Look at everything; what fails says so and keeps nothing else from being looked at."""
    found = []
    loaded: Recipe | None = None
    try:
        loaded = load_recipe(recipe)
        found.append(Diagnosis("recipe", "ok", f"{recipe}: {loaded.release.repository}"))
    except UserError as error:
        found.append(Diagnosis("recipe", "missing", str(error)))
    looks: list[Callable[[], Iterator[Diagnosis]]] = [lambda: _files(repository), _github]
    if loaded:
        kept = loaded
        looks += [lambda: _store(kept), lambda: _hub(kept), lambda: _models(kept)]
    for look in [*looks, _machine]:
        try:
            found += look()
        except UserError as error:
            found.append(Diagnosis(str(error).partition(":")[0], "missing", str(error)))
    return found


def _files(repository: Path) -> Iterator[Diagnosis]:
    missing = [
        f"{name}.yml" for name in WORKFLOWS if not (repository / ".github/workflows" / f"{name}.yml").exists()
    ]
    mend = f"not there: {', '.join(missing)}; copy them from arborist's"
    yield _seen("workflows", not missing, "all there", mend)
    leaves = len(list((repository / "taxonomy").rglob("qna.yaml")))
    yield _seen("taxonomy", leaves > 0, f"{leaves} leaves", "no leaf; `arborist new` makes one")


def _github() -> Iterator[Diagnosis]:
    from bot.github.client import configured, connect, github_errors

    if not configured():
        yield Diagnosis("github", "unknown", "not looked at: GITHUB_REPOSITORY and GITHUB_TOKEN are not set")
        return
    with github_errors("github"):
        here = connect()
        yield Diagnosis("github", "ok", f"{here.full_name}, main is {here.default_branch}")
    with github_errors("secrets"):
        secrets = {secret.name for secret in here.get_secrets()}
    mend = "set it to anything long and random: it signs comments"
    yield _seen("ARBORIST_SIGNING_KEY", "ARBORIST_SIGNING_KEY" in secrets, "is set", mend)
    mend = "set it in the environment release, or let the Hub trust retrain.yml"
    yield _seen("HF_TOKEN", "HF_TOKEN" in secrets, "is set", mend, "unknown")
    with github_errors("runner"):
        runners = [
            r for r in here.get_self_hosted_runners() if "gpu" in {label["name"] for label in r.labels}
        ]
    online = [runner.name for runner in runners if runner.status == "online"]
    mend = "register one with the labels self-hosted and gpu; samples and retraining wait for it"
    yield _seen("runner", bool(online), f"online: {', '.join(online)}", mend)


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
    yield _seen("hub", owner in mine, f"{me['name']} may push to {name}", mend)


def _models(recipe: Recipe) -> Iterator[Diagnosis]:
    from bot.models import model_name, tokenizer_at_hand

    for role, model in (("teacher", recipe.teacher.model), ("student", recipe.student.model)):
        shown = model_name(model)
        mend = f"{shown} is not on this machine; it is fetched when needed"
        yield _seen(role, tokenizer_at_hand(model) is not None, shown, mend, "unknown")


def _machine() -> Iterator[Diagnosis]:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        yield Diagnosis(
            "engines", "unknown", "torch is not installed here, so this machine samples and trains nothing"
        )
    else:
        import torch

        name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: small models only"
        yield Diagnosis("engines", "ok", f"torch {torch.__version__}, {name}")
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e9
    what = f"{free:.0f} GB free at {folder}"
    yield _seen("disk", free >= FREE_GB, what, f"{what}; {FREE_GB} are wanted")
