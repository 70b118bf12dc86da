"""`localworld up`: one JSON line, servers on 127.0.0.1, state that survives a restart."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from localworld.world import environment
from tests import ROOT

LOCALWORLD = str(Path(sys.executable).with_name("localworld"))


@contextmanager
def up(data: Path, *options: str) -> Iterator[dict[str, Any]]:
    command = [LOCALWORLD, "up", "--data", str(data), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert process.stdout.read() == ""


def git(*arguments: str, at: Path) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=at, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_it_says_where_everything_is_and_keeps_it_over_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data) as first:
        assert set(first) == {"github", "hub", "repository", "logins", "tokens", "data", "release_key"}
        assert "PUBLIC KEY" in Path(first["release_key"]).read_text()
        assert set(first["github"]) == {"api", "web", "git"}
        assert set(first["tokens"]) == {"maintainer", "contributor", "outsider", "bot"}
        assert first["repository"] == "lab/taxonomy"
        git("clone", "--quiet", first["github"]["git"], "clone", at=tmp_path)
    with up(data) as second:
        assert second == first
        assert git("ls-remote", second["github"]["git"], "main", at=tmp_path).split()[0] == git(
            "rev-parse", "HEAD", at=tmp_path / "clone"
        )


def test_the_repository_in_it_is_this_project(tmp_path: Path) -> None:
    with up(tmp_path / "data") as world:
        git("clone", "--quiet", world["github"]["git"], "clone", at=tmp_path)
    for name in (".github/workflows/lint.yml", "arborist.yaml", "taxonomy"):
        assert (tmp_path / "clone" / name).exists()
    ours = (ROOT / "arborist.yaml").read_text()
    assert (tmp_path / "clone" / "arborist.yaml").read_text() == ours


def test_the_port_can_be_chosen_and_a_taken_one_is_one_line(tmp_path: Path) -> None:
    with up(tmp_path / "one") as world:
        port = world["github"]["web"].rpartition(":")[2]
        done = subprocess.run(
            [LOCALWORLD, "up", "--data", str(tmp_path / "two"), "--port", port],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr == f"localworld: port {port} on 127.0.0.1 is in use; choose another with --port\n"


def test_the_environment_points_every_client_there(tmp_path: Path) -> None:
    with up(tmp_path) as world:
        found = environment(tmp_path)
    assert found["GITHUB_API_URL"] == world["github"]["api"]
    assert found["HF_ENDPOINT"] == world["hub"]
    assert found["GITHUB_TOKEN"] == world["tokens"]["bot"]


def test_a_world_is_served_once_and_its_environment_is_of_one_that_is_up(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment_of = [LOCALWORLD, "env", "--data", str(data)]
    with up(data):
        again = subprocess.run(
            [LOCALWORLD, "up", "--data", str(data)], cwd=ROOT, capture_output=True, text=True
        )
        assert (again.returncode, again.stderr.count("\n")) == (2, 1)
        assert "is already running here" in again.stderr
        assert subprocess.run(environment_of, capture_output=True).returncode == 0
    down = subprocess.run(environment_of, capture_output=True, text=True)
    assert (down.returncode, down.stdout) == (2, "")
    assert "is not running" in down.stderr


@pytest.mark.parametrize(
    ("file", "table"),
    [("github/github.sqlite", "users"), ("github/github.sqlite", "jobs"), ("hub/hub.sqlite3", "refs")],
)
def test_a_folder_of_another_version_is_one_line(tmp_path: Path, file: str, table: str) -> None:
    with up(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / file)) as database:
        database.execute(f"ALTER TABLE {table} ADD COLUMN of_another_version TEXT")
    done = subprocess.run(
        [LOCALWORLD, "up", "--data", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert (
        f"{tmp_path / file}: another version of Arborist created this database (its table {table!r} has other"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["env", "--data", "nowhere"], "no local world here"),
        (["demo", "--data", "taxonomy"], "has files that the demo did not create"),
    ],
)
def test_wrong_use_is_exit_2_and_one_line(arguments: list[str], message: str) -> None:
    done = subprocess.run([LOCALWORLD, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("localworld: ")
    assert message in done.stderr
