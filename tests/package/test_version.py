"""The commit is known wherever the package is from: a clone, a download of a commit, a git URL."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from bot.setup.init import Bot, find_bot
from tests.package.plugin import built, run

NOT_SOURCES = shutil.ignore_patterns(".git", "build", "commit.txt", "*.egg-info")
Build = Callable[[Path, Path], Path]


@pytest.fixture(scope="module")
def history(bot_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a tag, and one commit on top of it."""
    folder = tmp_path_factory.mktemp("history") / "arborist"
    git("clone", "-q", bot_repository, folder, cwd=bot_repository)
    git("tag", "v1.2.0", cwd=folder)
    git(
        "-c", "user.name=w", "-c", "user.email=w@w", "commit", "-q", "--allow-empty", "-m", "more", cwd=folder
    )
    return folder


def git(*arguments: str | Path, cwd: Path) -> str:
    return built(run("git", *arguments, cwd=cwd, **os.environ))


def recorded(wheel: Path) -> tuple[str, str]:
    """The version in a wheel's name, and the commit in it."""
    with ZipFile(wheel) as file:
        return wheel.name.split("-")[1], file.read("bot/commit.txt").decode().removeprefix("g")


def test_a_clone_has_the_version_by_its_newest_tag(history: Path, build_wheel: Build, tmp_path: Path) -> None:
    head = git("rev-parse", "HEAD", cwd=history)
    version, commit = recorded(build_wheel(history, tmp_path))
    assert version == f"1.2.1.dev1+g{head[:9]}"
    assert commit == head
    assert git("status", "--porcelain", cwd=history) == ""


def test_a_shallow_clone_without_tags_has_the_commit(
    history: Path, build_wheel: Build, tmp_path: Path
) -> None:
    git("clone", "-q", "--depth", "1", "--no-tags", f"file://{history}", tmp_path / "shallow", cwd=tmp_path)
    version, commit = recorded(build_wheel(tmp_path / "shallow", tmp_path / "wheel"))
    assert version.startswith("0.1.dev")
    assert commit == git("rev-parse", "HEAD", cwd=history)


def test_a_download_of_a_commit_has_the_commit(history: Path, build_wheel: Build, tmp_path: Path) -> None:
    """GitHub makes archives, such as those of actions, by `git archive`."""
    git("archive", "--format=tar", "-o", tmp_path / "archive.tar", "HEAD", cwd=history)
    shutil.unpack_archive(tmp_path / "archive.tar", tmp_path / "action")
    version, commit = recorded(build_wheel(tmp_path / "action", tmp_path / "wheel"))
    assert version.startswith("1.2.1.dev1+g")
    assert commit == git("rev-parse", "HEAD", cwd=history)


def test_a_plain_folder_has_no_commit_though_it_lies_in_anothers_repository(
    history: Path, build_wheel: Build, tmp_path: Path
) -> None:
    git("init", "-q", ".", cwd=tmp_path)
    git(
        "-c",
        "user.name=w",
        "-c",
        "user.email=w@w",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "theirs",
        cwd=tmp_path,
    )
    shutil.copytree(history, tmp_path / "plain", ignore=NOT_SOURCES)
    version, commit = recorded(build_wheel(tmp_path / "plain", tmp_path / "wheel"))
    assert (version, commit) == ("0.0", "None")


def test_the_source_of_an_install_from_a_git_url_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = {
        "url": "https://github.com/lab/arborist.git",
        "vcs_info": {"vcs": "git", "commit_id": "3d3c42e5aac5ba805825da76410c181273ba90b1"},
    }
    folder = tmp_path / "arborist_bot-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: arborist-bot\nVersion: 1\n")
    (folder / "direct_url.json").write_text(json.dumps(source))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("bot.core.version.PACKAGE", tmp_path / "bot")
    assert find_bot("", "") == Bot("lab/arborist", source["vcs_info"]["commit_id"])


def test_a_worktree_of_a_clone_is_a_checkout(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.core.version import commit

    git("worktree", "add", "-q", tmp_path / "tree", "HEAD^", cwd=history)
    monkeypatch.setattr("bot.core.version.PACKAGE", tmp_path / "tree" / "bot")
    assert commit() == git("rev-parse", "HEAD^", cwd=history)
