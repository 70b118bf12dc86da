"""The plan of a pull request whose leaf has a licence that the release does not meet."""

import json
from pathlib import Path

import pytest

from bot.cli.taxonomy import plan
from bot.config.load import load_recipe
from bot.core.store import Store
from bot.github.render import render
from bot.pipeline.plan import Plan, make_plan, read_plan, summarize
from tests import ROOT
from tests.helpers.repository import Repository

RECIPE = load_recipe(ROOT / "arborist.yaml")
ISLAND = "knowledge/geography/islands/velmora"


@pytest.fixture
def taxonomy(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    (repository.path / "arborist.yaml").write_text((ROOT / "arborist.yaml").read_text())
    repository.commit()
    return repository


def planned(repository: Repository, licence: str, release: str = "") -> Plan:
    """The plan of a pull request that changes the licence of a leaf, as the report reads it."""
    base = repository.git("rev-parse", "HEAD")
    file = repository.root / ISLAND / "attribution.txt"
    file.write_text(file.read_text().replace("CC-BY-4.0", licence))
    recipe = repository.path / "arborist.yaml"
    recipe.write_text(recipe.read_text().replace("repository: lab", f"{release}\n  repository: lab"))
    made = make_plan(repository.path, base, repository.commit(), 7, RECIPE)
    return read_plan(json.loads(json.dumps(made.to_json())))


def told(made: Plan, store: Path) -> str:
    return render("plan", planned=summarize(made, RECIPE, Store(str(store)))).replace("&#45;", "-")


def test_a_licence_that_would_stop_all_releases_is_told(taxonomy: Repository, tmp_path: Path) -> None:
    made = planned(taxonomy, "CC-BY-NC-4.0")
    [conflict] = made.licences
    assert (conflict.leaf, conflict.refused) == (ISLAND, True)
    text = told(made, tmp_path)
    assert "**Do not merge:** " in text and "CC-BY-NC-4.0 does not allow a release under apache-2.0" in text


def test_share_alike_is_noted(taxonomy: Repository, tmp_path: Path) -> None:
    text = told(planned(taxonomy, "CC-BY-SA-4.0"), tmp_path)
    assert "Licence: " in text and "the model card says so." in text
    assert "Do not merge" not in text


def test_the_plan_of_a_training_names_it_too(
    taxonomy: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(taxonomy, "CC-BY-NC-4.0")
    plan(repository=taxonomy.path, recipe=taxonomy.path / "arborist.yaml")
    assert f"error: taxonomy/{ISLAND}/attribution.txt: CC-BY-NC-4.0 does not allow" in capsys.readouterr().err


def test_a_recipe_that_the_pull_request_changes_too_counts(taxonomy: Repository) -> None:
    assert planned(taxonomy, "CC-BY-NC-4.0", "license: cc-by-nc-4.0").licences == ()
