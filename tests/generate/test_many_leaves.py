"""200 leaves: one that changes costs one leaf; none that changes costs nothing."""

import dataclasses
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config.load import load_recipe
from bot.config.recipe import Recipe, TeacherRecipe
from bot.core.store import Store
from bot.generate import pipeline_files as pipelines
from bot.pipeline.generate import generate
from bot.pipeline.plan import make_plan
from bot.taxonomy.tree import load_tree
from tests import ROOT
from tests.helpers.faulty_endpoint import Endpoint, answer, endpoint

LEAVES = 200
CLOCK = "The clock of {name} was made by Petra {name}son in 17{number:02}. It strikes {number} times at noon."


def write_leaf(root: Path, number: int, *, comment: str = "", place: str = "Ulmstead") -> None:
    """A knowledge leaf about a clock of its own."""
    name = f"Corvane{number}"
    passage = CLOCK.format(name=name, number=number % 100)
    pairs = [
        {"question": f"Who made the clock of {name}?", "answer": f"Petra {name}son made it."},
        {"question": f"Where does the clock of {name} stand?", "answer": f"It stands in {place}."},
        {"question": f"When was the clock of {name} made?", "answer": f"It was made in 17{number % 100:02}."},
    ]
    data: dict[str, Any] = {
        "version": 3,
        "created_by": "somebody",
        "domain": "clocks",
        "document_outline": f"The invented clock of {name}",
        "document": {"repo": ".", "commit": "HEAD", "patterns": ["clock.md"]},
        "seed_examples": [{"context": f"{passage} {n}.", "questions_and_answers": pairs} for n in range(5)],
    }
    if comment:
        data = dict(reversed(data.items()))
    folder = root / f"taxonomy/knowledge/clocks/corvane_{number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "qna.yaml").write_text(comment + yaml.dump(data, sort_keys=False))
    (folder / "clock.md").write_text(f"# The clock of {name}\n\n{passage}\n")


def commit(root: Path) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(root), *identity, "commit", "-qm", "change"], check=True)
    found = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    for number in range(LEAVES):
        write_leaf(folder, number)
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint(answer) as here:
        yield here


@pytest.fixture(scope="module")
def recipe(served: Endpoint) -> Recipe:
    shipped = load_recipe(ROOT / "arborist.yaml")
    teacher = TeacherRecipe("openai", "few-words", temperature=0.0, url=served.url)
    small = dataclasses.replace(shipped.generate, samples=4, batches=1)
    return dataclasses.replace(shipped, teacher=teacher, generate=small)


@pytest.fixture(scope="module", autouse=True)
def _small_batches() -> Iterator[None]:
    read = pipelines.pipeline_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "bot.generate.inputs.pipeline_of", lambda *args: dataclasses.replace(read(*args), batch=3)
        )
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, root: Path, recipe: Recipe) -> Store:
    """A store that has all 200."""
    kept = Store(str(tmp_path_factory.mktemp("store")))
    made = generate(load_tree(root / "taxonomy"), recipe, kept)
    assert all(one.asked == 1 for one in made)
    return kept


def test_nothing_changed_is_nothing_asked(root: Path, recipe: Recipe, store: Store, served: Endpoint) -> None:
    served.calls.clear()
    started = time.monotonic()
    made = generate(load_tree(root / "taxonomy"), recipe, store)
    assert time.monotonic() - started < 20
    assert [(one.asked, one.reused) for one in made] == [(0, 1)] * LEAVES
    assert not served.calls


def test_a_comment_and_another_order_of_keys_are_no_change(
    root: Path, recipe: Recipe, store: Store, served: Endpoint
) -> None:
    served.calls.clear()
    write_leaf(root, 17, comment="# What clocks there are!\n")
    made = generate(load_tree(root / "taxonomy"), recipe, store)
    assert sum(one.asked for one in made) == 0 and not served.calls
    write_leaf(root, 17)


def test_one_changed_is_planned_and_asked_for_alone(
    root: Path, recipe: Recipe, store: Store, served: Endpoint
) -> None:
    before = commit_of(root)
    write_leaf(root, 42, place="Ostmark")
    after = commit(root)
    started = time.monotonic()
    plan = make_plan(root, before, after, 1, recipe)
    assert time.monotonic() - started < 10
    assert ([leaf.change for leaf in plan.leaves], plan.same) == (["changed"], LEAVES - 1)

    served.calls.clear()
    made = generate(load_tree(root / "taxonomy"), recipe, store)
    assert [one.leaf for one in made if one.asked] == ["knowledge/clocks/corvane_42"]
    assert served.calls
    assert all("42" in prompt or "Ostmark" in prompt for prompt in served.calls), list(served.calls)[:3]
    assert [leaf.key for leaf in plan.leaves] == [one.key for one in made if one.asked], "as was planned"


def test_a_look_at_a_pull_request_is_a_part_of_what_the_merge_makes(
    root: Path, recipe: Recipe, served: Endpoint, tmp_path: Path
) -> None:
    leaves = load_tree(root / "taxonomy", only=["knowledge/clocks/corvane_3"])
    store, more = Store(str(tmp_path)), dataclasses.replace(recipe.generate, samples=40, batches=4)
    full = dataclasses.replace(recipe, generate=more)
    [look] = generate(leaves, full, store, limit=1)
    served.calls.clear()
    [whole] = generate(leaves, full, store)
    assert whole.reused == look.asked > 0
    assert whole.samples[: look.funnel.accepted] == look.samples[: look.funnel.accepted]


def commit_of(root: Path) -> str:
    found = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip()
