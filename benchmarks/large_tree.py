"""A taxonomy of ten thousand leaves: a pull request's plan, a retraining with nothing to do, the store."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.lint import leaf as write_leaf
from bot.config.load import load_recipe
from bot.config.recipe import Recipe
from bot.core.store import Store
from bot.generate.inputs import all_samples_inputs, samples_inputs
from bot.generate.leaf_samples import Funnel
from bot.generate.rows import FILE, samples_to_bytes
from bot.pipeline.generate import generate
from bot.pipeline.plan import make_plan, summarize
from bot.pipeline.release_inputs import settings_key
from bot.release.hub import publish
from bot.taxonomy.changes import tree_id
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import read_tree_at
from tests import ROOT
from tests.helpers.local_hub import free_port, running
from tests.helpers.slow_store import CountedFileSystem

LEAVES = 10_000
IN_THE_STORE = 1_000
ARBORIST = str(Path(sys.executable).with_name("arborist"))


def write(folder: Path, count: int) -> tuple[str, str]:
    """A repository with so many leaves, and a commit that changes one; both commits."""
    for number in range(count):
        write_leaf(folder / "taxonomy", number)
    (folder / "arborist.yaml").write_text((ROOT / "arborist.yaml").read_text())
    git(folder, "init", "-q", "-b", "main")
    base = commit(folder)
    changed = folder / "taxonomy" / "knowledge" / "group_17" / "leaf_17" / "qna.yaml"
    changed.write_text(changed.read_text().replace("What is said of", "What is known of"))
    return base, commit(folder)


def git(folder: Path, *arguments: str) -> str:
    """A git command's output."""
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "gc.auto=0")
    done = subprocess.run(["git", "-C", folder, *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Commit all, and the commit's SHA."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "leaves")
    return git(folder, "rev-parse", "HEAD")


def timed(command: list[str], folder: Path, **environment: str) -> tuple[float, str]:
    """The best of three runs of a command, in seconds, and the end of what it printed."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
        )
        best = min(best, time.perf_counter() - began)
        if done.returncode:
            raise SystemExit(f"{command[1]} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    return best, done.stderr


def nothing_to_do(folder: Path, head: str, place: Path) -> float:
    """Seconds of `arborist retrain` where the release is what main asks for."""
    recipe = load_recipe(folder / "arborist.yaml")
    leaves = [
        {
            "path": f"knowledge/group_{number % 100}/leaf_{number}",
            "key": f"{number:064}",
            "created_by": "nobody",
        }
        | {"samples": 300, "exam": {"before": {"right": 0, "asked": 1}, "after": {"right": 1, "asked": 1}}}
        for number in range(LEAVES)
    ]
    manifest = {
        "key": "0" * 64,
        "release": "v2026.11.29.1",
        "taxonomy": {"repository": "", "commit": head, "tree": tree_id(folder, head)},
        "settings": settings_key(recipe),
        "leaves": leaves,
        "pulls": [],
    }
    (place / "model").mkdir()
    (place / "model" / "config.json").write_text("{}")
    with running(place / "hub", free_port()) as hub:
        here = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_maintainer", "ARBORIST_CACHE": str(place / "cache")}
        os.environ.update(here)
        publish(recipe.release.repository, place / "model", {}, manifest)
        store = {"ARBORIST_STORE": str(place / "store")}
        seconds, said = timed([ARBORIST, "retrain"], folder, **here, **store)
    assert "nothing to do" in said, said
    return seconds


def main(place: Path) -> None:
    """Print how long they take, and what the store is asked."""
    folder = place / "repository"
    base, head = write(folder, LEAVES)
    table = Table(title=f"A taxonomy of {LEAVES:,} leaves")
    for name in ("what", "seconds", "kB"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for name in ("plan", "lint"):
        output = place / f"{name}.json"
        seconds, _ = timed([ARBORIST, name, "--base", base, "--output", str(output)], folder)
        size = f"{output.stat().st_size / 1e3:.1f}"
        table.add_row(f"{name} of a pull request that changes one leaf", f"{seconds:.2f}", size)
    table.add_row("retrain with nothing to do", f"{nothing_to_do(folder, head, place):.2f}", "")
    Console(width=100).print(table)
    requests(folder, base, head)


def requests(folder: Path, base: str, head: str) -> None:
    """Print what a store on the network is asked."""
    recipe = load_recipe(folder / "arborist.yaml")
    table = Table(title=f"A store that answers in 50 ms, with the samples of {IN_THE_STORE:,} leaves")
    for name in ("what", "requests", "seconds"):
        table.add_column(name, justify="left" if name == "what" else "right")
    paths = [f"knowledge/group_{number % 100}/leaf_{number}" for number in range(IN_THE_STORE)]
    leaves = read_tree_at(folder, head, only=paths).all()
    store = filled(leaves, recipe)
    plan = make_plan(folder, base, head, 1, recipe)
    for what, work in {
        "the plan's part of the comment": lambda: summarize(plan, recipe, store),
        "which leaves have samples": lambda: store.has(
            "samples", [samples_inputs(leaf, recipe).key for leaf in leaves]
        ),
        "generate with nothing to generate": lambda: _generate(leaves, recipe, store),
    }.items():
        CountedFileSystem.requests, began = 0, time.perf_counter()
        work()
        table.add_row(what, f"{CountedFileSystem.requests:,}", f"{time.perf_counter() - began:.1f}")
    Console(width=100).print(table)


def _generate(leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> None:
    assert not any(made.asked for made in generate(leaves, recipe, store))


def filled(leaves: Sequence[Leaf], recipe: Recipe) -> Store:
    """The store as a run before has left it."""
    store = Store("counted://store")
    facts = {"samples": 0, "batches": 1, "funnel": asdict(Funnel(0, 0, {}, {}))}
    delay, CountedFileSystem.delay_s = CountedFileSystem.delay_s, 0.0
    for leaf in leaves:
        store.put("samples", samples_inputs(leaf, recipe).key, {}, {FILE: samples_to_bytes([])}, facts=facts)
    all_there = all_samples_inputs(recipe)
    store.put(all_there.STEP, all_there.key, {})
    CountedFileSystem.delay_s = delay
    return store
