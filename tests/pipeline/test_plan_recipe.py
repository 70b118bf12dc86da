"""The plan of a pull request that changes the recipe: what changes, and what that entails."""

import json
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.core.store import Store
from bot.github.lint_report import plan_in_short, what_next
from bot.github.render import render
from bot.pipeline.plan import Plan, make_plan, read_plan, summarize
from tests import ROOT
from tests.helpers.repository import Repository

RECIPE = (ROOT / "arborist.yaml").read_text()


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = Repository(tmp_path_factory.mktemp("plan") / "repository")
    (repository.path / "arborist.yaml").write_text(RECIPE)
    repository.commit()
    return repository


def planned(repository: Repository, recipe: str | None) -> Plan:
    """The plan of a pull request with this arborist.yaml, as the report reads it."""
    base = repository.git("rev-parse", "main")
    repository.git("checkout", "--quiet", "--detach", base)
    file = repository.path / "arborist.yaml"
    file.unlink() if recipe is None else file.write_text(recipe)
    head = repository.commit()
    repository.git("checkout", "--quiet", "main")
    plan = make_plan(repository.path, base, head, 7, load_recipe(ROOT / "arborist.yaml"))
    return read_plan(json.loads(json.dumps(plan.to_json())))


def told(plan: Plan, store: Path) -> str:
    """The comment's part, the line on what comes next, and the title of the check."""
    summary = summarize(plan, load_recipe(ROOT / "arborist.yaml"), Store(str(store)))
    return "\n".join([render("plan", planned=summary), what_next(summary), plan_in_short(summary)])


def test_settings_of_training_retrain_the_model_on_the_samples_that_are_there(
    taxonomy: Repository, tmp_path: Path
) -> None:
    assert "epochs: " in RECIPE
    plan = planned(taxonomy, RECIPE.replace("epochs: ", "epochs: 1"))
    assert (plan.recipe.retrains, plan.recipe.samples) == (True, False)
    text = told(plan, tmp_path)
    assert "It changes the recipe: train.knowledge.epochs, train.skills.epochs." in text.replace(
        "&#8203;", ""
    )
    assert "Then the model is trained on all leaves" in text
    assert "by the recipe of the base branch, without the change above" in text
    assert "generated anew" not in text
    assert "There is nothing to sample." in text
    assert text.endswith("the recipe changes")


def test_settings_of_generation_make_all_samples_anew(taxonomy: Repository, tmp_path: Path) -> None:
    plan = planned(taxonomy, f"{RECIPE}\nseed: 7\n")
    assert plan.recipe.samples
    text = told(plan, tmp_path)
    assert "The samples of all leaves are generated anew." in text
    wanted = load_recipe(ROOT / "arborist.yaml").generate.samples * plan.same
    assert f"{wanted} samples to generate" in text


def test_settings_of_runs_change_no_model(taxonomy: Repository, tmp_path: Path) -> None:
    plan = planned(taxonomy, f"{RECIPE}\ntrack: wandb\n")
    assert not plan.recipe.retrains
    text = told(plan, tmp_path)
    assert "no new model" in text
    assert "What comes next" not in text


def test_a_comment_in_the_recipe_changes_nothing(taxonomy: Repository, tmp_path: Path) -> None:
    plan = planned(taxonomy, f"# why\n{RECIPE}")
    assert plan.recipe.changed == ()
    assert "so merging it trains no new model" in told(plan, tmp_path)


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        (RECIPE.replace("engine:", "motor:"), "teacher"),
        ("version: [1", "not YAML"),
        (RECIPE.replace("epochs: ", "epochs: x"), "epochs"),
        ("[" * 5_000, "not YAML"),
        (None, "is deleted"),
    ],
)
def test_a_recipe_that_cannot_be_read_is_not_to_be_merged(
    taxonomy: Repository, tmp_path: Path, recipe: str | None, reason: str
) -> None:
    plan = planned(taxonomy, recipe)
    assert reason in plan.recipe.error
    text = told(plan, tmp_path)
    assert "**Do not merge:** arborist.yaml" in text
    assert "What comes next" not in text


def test_a_plan_of_an_older_version_says_nothing_of_the_recipe() -> None:
    old = {
        "version": 1,
        "pull": 7,
        "head": "c" * 40,
        "base": "b" * 40,
        "base_ref": "main",
        "same": 1,
        "leaves": [],
    }
    assert read_plan(old).recipe.changed == ()
