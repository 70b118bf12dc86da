"""Announcing while GitHub fails: the next run completes it, and nothing is announced twice."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.evaluate.gate import Verdict
from bot.github.client import connect, github_errors
from bot.github.reconcile import announce_all, unannounced
from bot.github.refused import tell_refused
from bot.pipeline.candidate import Candidate
from bot.release.hub import publish
from tests import ROOT
from tests.helpers.faulty_hub import LATE_S, FaultyHub
from tests.helpers.local_github import TAXONOMY
from tests.helpers.local_hub import RunningHub
from tests.helpers.manifests import leaf_row, manifest
from tests.localworld.github.conftest import lab, proposal, proposed, server, settled

__all__ = ["lab", "proposal", "proposed", "server", "settled"]

MODEL = "lab/model"
RELEASES = 12
TRIES = 60
"""How many runs may fail before one completes the announcement."""


@pytest.fixture
def recipe() -> Recipe:
    loaded = load_recipe(ROOT / "arborist.yaml")
    return replace(loaded, release=replace(loaded.release, repository=MODEL))


@pytest.fixture
def merged(lab: Any, proposal: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The taxonomy in the manifest of a release of the merged pull request 1; what fails does so at once."""
    monkeypatch.setattr("bot.github.comment.SETTLES_S", 0)
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _: None)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")
    monkeypatch.setenv("GITHUB_API_URL", f"{lab.url}/api/v3")
    monkeypatch.setenv("GITHUB_REPOSITORY", TAXONOMY)
    monkeypatch.setenv("GITHUB_TOKEN", lab.token("arborist[bot]"))
    sha = lab.as_("maintainer").get_pull(1).merge().sha
    yield {"repository": TAXONOMY, "commit": sha, "tree": "", "folder": "taxonomy"}


def completed(act: Callable[[], None]) -> int:
    """Run a job until it succeeds; returns how often it failed, each time with one line."""
    for failures in range(TRIES):
        try:
            act()
        except UserError as error:
            assert "\n" not in str(error)
        else:
            return failures
    raise AssertionError(f"it failed {TRIES} times")


def refused(tmp_path: Path) -> Candidate:
    stated = manifest(leaf_row("leaf"))
    entry = Store(str(tmp_path / "store")).put("train", "2" * 64, {}, {"model.safetensors": b"w"})
    return Candidate(
        "c" * 64, entry, {}, stated, Verdict(("older leaves: 3 of 9 right",), report=stated["gate"])
    )


def test_the_next_run_completes_what_github_interrupted_and_nothing_is_there_twice(
    lab: Any,
    merged: dict[str, Any],
    local_hub: RunningHub,
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.github.client.SILENCE_S", LATE_S // 2)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    stated = manifest(leaf_row("leaf"), release="v2024.11.01.1", taxonomy=merged, pulls=[1])
    made = publish(MODEL, tmp_path / "model", {}, stated)
    well, candidate = lab.server.application, refused(tmp_path)
    faulty = lab.server.application = FaultyHub(well, seed=26, share=0.25, reading=0.08)

    def report_refusal() -> None:
        with github_errors("reporting"):
            tell_refused(connect(), candidate)

    def announce() -> None:
        announce_all(tmp_path, recipe)

    failed = 0
    tags = [made.tag, *(f"v2024.11.01.{number}" for number in range(2, 1 + RELEASES))]
    for tag in tags:
        if tag != made.tag:
            local_hub.api().create_tag(MODEL, tag=tag, revision=made.commit)
        failed += completed(report_refusal) + completed(announce)
        announce_again = completed(lambda: None if not unannounced(recipe) else announce())
        failed += announce_again
    lab.server.application = well

    assert faulty.faults > RELEASES
    assert faulty.late > 0
    assert failed > RELEASES / 2
    here = lab.as_("maintainer")
    assert sorted(one.tag_name for one in here.get_releases()) == sorted(tags)
    (comment,) = here.get_pull(1).get_issue_comments()
    assert f"Released as [{tags[-1]}]" in comment.body
    wanted = sorted(f"released: {tag}" for tag in tags)
    assert sorted(label.name for label in here.get_pull(1).labels) == wanted
    assert sorted(one.name for one in here.get_labels() if one.name.startswith("released")) == wanted
    issues = [one for one in here.get_issues(state="all") if one.pull_request is None]
    assert [(one.title, one.state) for one in issues] == [("The gate refused a release", "closed")]


def test_earlier_releases_that_were_not_announced_are_made_up_for(
    lab: Any, merged: dict[str, Any], local_hub: RunningHub, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    before, tags = None, [f"v2024.11.01.{number}" for number in (9, 10, 11)]
    for number, tag in enumerate(tags):
        row = leaf_row("leaf", key=str(number) * 64)
        stated = manifest(row, release=tag, previous=before, taxonomy=merged, pulls=[1], key=str(number) * 64)
        publish(MODEL, tmp_path / "model", {}, stated)
        before = tag
        if number == 0:
            announce_all(tmp_path, recipe)
    assert unannounced(recipe)
    announce_all(tmp_path, recipe)
    assert not unannounced(recipe)
    here = lab.as_("outsider")
    assert [one.tag_name for one in here.get_releases()] == tags[::-1]
    assert here.get_latest_release().name == f"{tags[-1]}: 1 leaf changed"


def test_the_issue_on_a_refused_candidate_stays_open_until_a_later_release(
    lab: Any, merged: dict[str, Any], local_hub: RunningHub, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    first, second = "v2024.11.01.1", "v2024.11.01.2"
    stated = manifest(leaf_row("leaf"), release=first, taxonomy=merged, pulls=[1])
    made = publish(MODEL, tmp_path / "model", {}, stated)
    candidate = refused(tmp_path)
    candidate = replace(candidate, manifest={**candidate.manifest, "previous": first})
    tell_refused(connect(), candidate)

    def states() -> list[str]:
        listed = lab.as_("maintainer").get_issues(state="all", labels=["refused"])
        return [one.state for one in listed]

    announce_all(tmp_path, recipe)
    assert states() == ["open"]
    local_hub.api().create_tag(MODEL, tag=second, revision=made.commit)
    announce_all(tmp_path, recipe)
    assert states() == ["closed"]
