"""The leaves of a release are compared with the taxonomy at its commit, whatever main has become since."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.cli import app
from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.core.version import version
from bot.generate.inputs import samples_inputs
from bot.inference.teacher import teacher_model
from bot.pipeline.verify_leaves import verify_leaves
from bot.release.release_folder import prepared
from bot.release.verify import Check
from bot.taxonomy.changes import tree_id
from bot.taxonomy.tree import read_tree_at
from tests import ROOT
from tests.helpers import signed_release
from tests.helpers.repository import Repository

ISLANDS = "knowledge/geography/islands/velmora"
DAYS = "foundational_skills/reasoning/temporal_reasoning/days_of_the_week"
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def taxonomy(tmp_path: Path) -> Repository:
    """A repository with the taxonomy, its recipe, and prompts of its own."""
    repository = Repository(tmp_path / "repository")
    text = (ROOT / "arborist.yaml").read_text()
    own = text.replace("\ngenerate:\n", "\ngenerate:\n  prompts: prompts/own\n")
    (repository.path / "arborist.yaml").write_text(own)
    (repository.path / "prompts/own").mkdir(parents=True)
    shutil.copy(ROOT / "bot/generate/prompts/framings.yaml", repository.path / "prompts/own")
    repository.commit()
    return repository


def manifest(repository: Repository) -> dict[str, Any]:
    """What a release of the newest commit states of its leaves."""
    commit, recipe = repository.git("rev-parse", "HEAD"), load_recipe(repository.path / "arborist.yaml")
    leaves = read_tree_at(repository.path, commit, access=None).leaves
    return {
        "taxonomy": {"commit": commit, "tree": tree_id(repository.path, commit), "folder": "taxonomy"},
        "teacher": teacher_model(recipe),
        "tools": {"arborist": version()},
        "leaves": [{"path": leaf.path, "key": samples_inputs(leaf, recipe).key} for leaf in leaves],
        "quarantined": [],
    }


def row(stated: Mapping[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = next(leaf for leaf in stated["leaves"] if leaf["path"] == path)
    return found


def test_the_leaves_of_a_release_are_those_of_its_commit(taxonomy: Repository) -> None:
    stated = manifest(taxonomy)
    many, commit = len(stated["leaves"]), stated["taxonomy"]["commit"][:7]
    wanted = Check("leaves", True, f"{many} leaves are as in {taxonomy.path} at {commit}")
    assert verify_leaves(taxonomy.path, stated) == wanted
    # Everything that follows on main is irrelevant: leaves, recipe and prompts.
    taxonomy.git("rm", "-rq", "taxonomy/knowledge", "arborist.yaml", "prompts")
    taxonomy.commit()
    assert verify_leaves(taxonomy.path, stated) == wanted


def _another_key(stated: dict[str, Any]) -> None:
    row(stated, ISLANDS)["key"] = "a" * 64


def _swapped(stated: dict[str, Any]) -> None:
    one, other = row(stated, ISLANDS), row(stated, DAYS)
    one["key"], other["key"] = other["key"], one["key"]


def _no_such_leaf(stated: dict[str, Any]) -> None:
    row(stated, ISLANDS)["path"] = "knowledge/no\nsuch"


def _left_out(stated: dict[str, Any]) -> None:
    stated["leaves"].remove(row(stated, DAYS))


def _twice(stated: dict[str, Any]) -> None:
    stated["leaves"].append({"path": ISLANDS, "key": "a" * 64})


def _another_tree(stated: dict[str, Any]) -> None:
    stated["taxonomy"]["tree"] = "a" * 40


def _another_folder(stated: dict[str, Any]) -> None:
    stated["taxonomy"]["folder"] = "docs"


def _no_such_commit(stated: dict[str, Any]) -> None:
    stated["taxonomy"]["commit"] = "a" * 40


def _another_teacher(stated: dict[str, Any]) -> None:
    stated["teacher"]["revision"] = "another"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (_another_key, f"with other content: {ISLANDS}"),
        (_swapped, f"with other content: {DAYS}, {ISLANDS}"),
        (
            _no_such_leaf,
            "such; not in the release: knowledge/geography",
        ),
        (_left_out, f"not in the release: {DAYS}"),
        (_twice, "the manifest names a leaf twice"),
        (_another_tree, "does not have the hash in the manifest (taxonomy.tree)"),
        (_another_folder, "the folder docs at"),
        (_no_such_commit, "there is no commit 'aaaaaaa"),
        (_another_teacher, "with other content: "),
    ],
)
def test_a_manifest_that_states_something_else_fails(
    taxonomy: Repository, change: Change, wanted: str
) -> None:
    stated = manifest(taxonomy)
    change(stated)
    check = verify_leaves(taxonomy.path, stated)
    assert not check.passed
    assert wanted in check.what
    assert "\n" not in check.what
    assert "another arborist" not in check.what


def test_a_leaf_that_was_changed_in_a_rewritten_history_fails(taxonomy: Repository) -> None:
    stated = manifest(taxonomy)
    file = taxonomy.root / DAYS / "qna.yaml"
    file.write_text(file.read_text().replace("Monday", "Tuesday"))
    stated["taxonomy"]["commit"] = taxonomy.commit()
    stated["taxonomy"]["tree"] = tree_id(taxonomy.path, "HEAD")
    assert f"with other content: {DAYS}" in verify_leaves(taxonomy.path, stated).what


def test_where_another_arborist_released_the_line_says_which(taxonomy: Repository) -> None:
    stated = manifest(taxonomy)
    stated["tools"]["arborist"] = "0.1+gabc"
    assert verify_leaves(taxonomy.path, stated).passed
    _another_key(stated)
    told = verify_leaves(taxonomy.path, stated).what
    assert f"(or by another arborist: this is {version()}; verify with 0.1+gabc, which released)" in told


def test_a_quarantined_leaf_is_read_from_the_commit_that_the_release_has_it_of(taxonomy: Repository) -> None:
    before = manifest(taxonomy)
    taxonomy.write(f"{ISLANDS}/qna.yaml", "{")
    taxonomy.write(f"{DAYS}/qna.yaml", "{")
    taxonomy.commit()
    stated = manifest(taxonomy)
    assert ISLANDS not in {leaf["path"] for leaf in stated["leaves"]}
    kept = {"path": ISLANDS, "reason": "broken", "commit": before["taxonomy"]["commit"]}
    stated["leaves"].append(row(before, ISLANDS))
    stated["quarantined"] = [kept, {"path": DAYS, "reason": "broken", "commit": ""}]
    assert verify_leaves(taxonomy.path, stated).passed
    row(stated, ISLANDS)["key"] = "a" * 64
    assert f"with other content: {ISLANDS}" in verify_leaves(taxonomy.path, stated).what


def test_nothing_is_asked_of_a_hub(taxonomy: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher's revision is the manifest's: today's may be another, and the Hub may not be there."""
    stated = manifest(taxonomy)

    def fail(*_: object) -> None:
        raise AssertionError("looked up")

    monkeypatch.setattr("bot.inference.teacher.model_revision", fail)
    assert verify_leaves(taxonomy.path, stated).passed


@pytest.mark.parametrize(("change", "code", "mark"), [(None, 0, "✔"), (_another_key, 1, "✘")])
def test_the_command_compares_a_releases_leaves_with_a_clone(
    taxonomy: Repository,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Change | None,
    code: int,
    mark: str,
) -> None:
    stated = manifest(taxonomy)
    if change:
        change(stated)
    whole = signed_release.manifest(files=["README.md"])
    stated["taxonomy"]["repository"] = "lab/taxonomy"
    stated["leaves"] = [{**whole["leaves"][0], **leaf} for leaf in stated["leaves"]]
    model = signed_release.write_model(tmp_path / "model")
    published = prepared(model, signed_release.FILES, whole | stated, None)
    with published as made, pytest.raises(SystemExit) as ended:
        app(["verify", str(made.folder), "--unsigned", "--repository", str(taxonomy.path)])
    assert ended.value.code == code
    assert f"{mark} leaves: " in capsys.readouterr().out.splitlines()[3]


def test_a_commit_without_a_recipe_and_a_folder_without_git_are_errors(
    taxonomy: Repository, tmp_path: Path
) -> None:
    stated = manifest(taxonomy)
    taxonomy.git("rm", "-q", "arborist.yaml")
    stated["taxonomy"]["commit"] = taxonomy.commit()
    with pytest.raises(UserError, match=r"arborist\.yaml at .{7} does not exist; it must be at the root"):
        verify_leaves(taxonomy.path, stated)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="not a git repository"):
        verify_leaves(tmp_path / "empty", stated)
