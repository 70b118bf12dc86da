"""`arborist init`: what it writes into a repository. On GitHub: tests/loop/test_own_repository.py."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot.config.load import load_recipe
from bot.core.diagnosis import Diagnosis
from bot.core.errors import UserError
from bot.setup.init import CALLED, Bot, find_bot, set_up
from tests import ROOT

BOT = Bot("lab/arborist", "3d3c42e5aac5ba805825da76410c181273ba90b1")
FOLDER = ".github/workflows"


@pytest.fixture(autouse=True)
def _no_github(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)


def init(folder: Path, bot: Bot = BOT) -> dict[str, Diagnosis]:
    return {one.name: one for one in set_up(folder, bot, "dales/handbook", "embedded")}


def texts(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (folder / FOLDER).iterdir()}


def test_the_recipe_can_be_read_and_names_the_model(tmp_path: Path) -> None:
    assert init(tmp_path)["arborist.yaml"].what == "written, for dales/handbook"
    assert load_recipe(tmp_path / "arborist.yaml").release.repository == "dales/handbook"
    assert "$schema" not in (tmp_path / "arborist.yaml").read_text()


def test_every_workflow_calls_arborists_at_one_commit_by_its_events(tmp_path: Path) -> None:
    init(tmp_path)
    assert sorted(texts(tmp_path)) == sorted(CALLED)
    for name, text in texts(tmp_path).items():
        assert len(text.splitlines()) <= 36
        called = yaml.load((ROOT / FOLDER / f"{name}.yml").read_text(), Loader=yaml.BaseLoader)
        data = yaml.load(text, Loader=yaml.BaseLoader)
        # report.yml waits for a workflow of this name.
        assert data["name"] == name
        assert data["permissions"] == {}
        del called["on"]["workflow_call"]
        assert data["on"] == called["on"]
        [job] = data["jobs"].values()
        assert job["uses"] == f"{BOT.repository}/{FOLDER}/{name}.yml@{BOT.commit}"
        assert job["with"] == {"arborist": BOT.repository, "commit": BOT.commit}


def test_a_call_permits_what_the_called_jobs_need_and_no_more(tmp_path: Path) -> None:
    init(tmp_path)
    for name, text in texts(tmp_path).items():
        called = yaml.safe_load((ROOT / FOLDER / f"{name}.yml").read_text())["jobs"].values()
        stated = [(area, level) for job in called for area, level in job["permissions"].items()]
        # "write" comes after "read", and includes it.
        needed = dict(sorted(stated, key=lambda one: one[1]))
        [job] = yaml.safe_load(text)["jobs"].values()
        assert job["permissions"] == needed, name
    [job] = yaml.safe_load(texts(tmp_path)["lint"])["jobs"].values()
    assert job["permissions"] == {"contents": "read"}
    assert "secrets" not in job
    [job] = yaml.safe_load(texts(tmp_path)["retrain"])["jobs"].values()
    assert job["permissions"] == {
        "contents": "write",
        "actions": "read",
        "pull-requests": "write",
        "issues": "write",
        "id-token": "write",
    }
    assert set(job["secrets"]) == {
        *("ARBORIST_SIGNING_KEY", "DOCUMENTS_TOKEN", "HF_TOKEN", "OPENAI_API_KEY"),
        *("ARBORIST_RELEASE_KEY", "HF_READ_TOKEN"),
    }


def test_the_linters_of_workflows_find_nothing(tmp_path: Path) -> None:
    init(tmp_path)
    binaries = Path(sys.executable).parent
    zizmor = [binaries / "zizmor", "--offline", "--persona", "auditor", "."]
    # act does not know `cache-mode` yet; no called workflow uses a cache.
    actionlint = [binaries / "actionlint", "-ignore", "cache-call-unrestricted|has no explicit cache access"]
    for command in (zizmor, [*actionlint, *(tmp_path / FOLDER).iterdir()]):
        done = subprocess.run([str(part) for part in command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_again_changes_nothing_and_another_commit_moves_all_calls(tmp_path: Path) -> None:
    init(tmp_path)
    before = texts(tmp_path)
    again = init(tmp_path)
    assert [again[f"{FOLDER}/{name}.yml"].what for name in CALLED] == ["is up to date"] * len(CALLED)
    assert texts(tmp_path) == before
    (tmp_path / "arborist.yaml").write_text("version: 1\n")
    other = Bot(BOT.repository, "0" * 40)
    assert init(tmp_path, other)[f"{FOLDER}/lint.yml"].what == "updated to another commit"
    assert texts(tmp_path) == {name: text.replace(BOT.commit, "0" * 40) for name, text in before.items()}
    assert (tmp_path / "arborist.yaml").read_text() == "version: 1\n"


def test_a_workflow_of_somebody_else_is_left_and_said(tmp_path: Path) -> None:
    file = tmp_path / FOLDER / "lint.yml"
    file.parent.mkdir(parents=True)
    file.write_text("name: theirs\n")
    found = init(tmp_path)[f"{FOLDER}/lint.yml"]
    assert (found.state, found.what) == (
        "missing",
        "was not written by `arborist init`; rename it, or run again with --prefix arborist-",
    )
    assert file.read_text() == "name: theirs\n"


def test_without_a_token_it_says_what_is_left_to_do(tmp_path: Path) -> None:
    found = init(tmp_path)["github"]
    assert found.state == "unknown"
    assert "GITHUB_TOKEN to an administrator's" in found.what


def test_the_bot_is_this_clones_where_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for command in (["init", "-q"], ["remote", "add", "origin", "git@github.com:lab/arborist.git"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr("bot.core.version.PACKAGE", tmp_path / "bot")
    assert find_bot("", "0" * 40) == Bot("lab/arborist", "0" * 40)
    with pytest.raises(UserError, match="give the commit of arborist to use"):
        find_bot("", "")


@pytest.mark.parametrize(
    ("origin", "repository"),
    [
        ("https://github.com/lab/arborist", "lab/arborist"),
        ("https://github.com/lab/arborist.git", "lab/arborist"),
        ("ssh://git@github.com/lab/arborist.git", "lab/arborist"),
        ("/srv/arborist", ""),
    ],
)
def test_an_origin_names_the_repository(
    origin: str, repository: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for command in (["init", "-q"], ["remote", "add", "origin", origin]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr("bot.core.version.PACKAGE", tmp_path / "bot")
    if repository:
        assert find_bot("", "0" * 40).repository == repository
    else:
        with pytest.raises(UserError, match=re.escape("--arborist (none): give arborist's repository")):
            find_bot("", "0" * 40)


@pytest.mark.parametrize("commit", ["main", "3d3c42e", "0" * 41, "../" * 10])
def test_only_a_whole_commit_pins(commit: str) -> None:
    with pytest.raises(UserError, match="all 40 digits"):
        find_bot("lab/arborist", commit)


@pytest.mark.parametrize("model", ["handbook", "a/b/c", "dales/hand book", "dales/x\n"])
def test_a_model_has_an_organisation_and_a_name(model: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="as organization/name"):
        list(set_up(tmp_path, BOT, model, "embedded"))
    assert list(tmp_path.iterdir()) == []
