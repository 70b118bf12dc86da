"""`arborist doctor`: what is there, what is missing and how to fix it, each in a line."""

import subprocess
from pathlib import Path
from typing import Any

from localworld.world import World
from tests import ROOT
from tests.helpers.loop import ARBORIST, LOCALWORLD, clean


def doctor(at: Path, **environment: str) -> tuple[int, dict[str, str]]:
    """The exit code, and the lines by what they are about."""
    done = subprocess.run(
        [ARBORIST, "doctor"], cwd=at, env={**clean(), **environment}, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.returncode, {line[2:].partition(":")[0]: line for line in done.stdout.splitlines()}


def test_where_all_is_there_all_is_well(served: World, world: dict[str, Any], tmp_path: Path) -> None:
    served.github.add_collaborator(world["repository"], "maintainer", "admin")
    printed = subprocess.run(
        [LOCALWORLD, "env", "--data", world["data"]], check=True, capture_output=True, text=True
    ).stdout
    environment = dict(line.removeprefix("export ").split("=", 1) for line in printed.splitlines())
    init = [ARBORIST, "init", "--model", "lab/taxonomy-model", "--arborist", "lab/taxonomy"]
    address = {"GITHUB_API_URL": world["github"]["api"], "GITHUB_REPOSITORY": world["repository"]}
    environ = {**clean(), **address, "GITHUB_TOKEN": world["tokens"]["maintainer"]}
    done = subprocess.run(init, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    code, lines = doctor(ROOT, **environment)
    assert code == 0, lines
    for name in (
        "recipe",
        "workflows",
        "taxonomy",
        "github",
        "ARBORIST_SIGNING_KEY",
        "label hold",
        "release",
        "protection",
        "runner",
        "store",
        "hub",
    ):
        assert lines[name].startswith("✔"), lines[name]
    assert "online: local" in lines["runner"]


def test_where_nothing_is_there_each_lack_says_how_to_fix_it(tmp_path: Path) -> None:
    code, lines = doctor(tmp_path)
    assert code == 2
    assert "run in a folder that has an arborist.yaml" in lines["recipe"]
    assert "`arborist init` writes them" in lines["workflows"]
    assert "`arborist new` adds one" in lines["taxonomy"]
    assert lines["github"].startswith("?")


def test_a_token_that_is_wrong_is_one_line(world: dict[str, Any]) -> None:
    address = {"GITHUB_API_URL": world["github"]["api"], "GITHUB_REPOSITORY": world["repository"]}
    code, lines = doctor(ROOT, **address, GITHUB_TOKEN="wrong", HF_TOKEN="wrong", HF_ENDPOINT=world["hub"])
    assert code == 2
    assert "the token in GITHUB_TOKEN is wrong or expired" in lines["github"]
    assert lines["hub"].startswith("✘")


def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    _, lines = doctor(ROOT, ARBORIST_STORE=str(tmp_path / "file" / "store"))
    assert "cannot be written" in lines["store"]


def test_too_little_room_for_the_recipe_is_told(tmp_path: Path) -> None:
    """Of a model of a thousand times as many weights as fit on this machine."""
    text = (ROOT / "recipes" / "granite.yaml").read_text()
    (tmp_path / "arborist.yaml").write_text(text.replace("parameters: 8.17e+9", "parameters: 1.0e+13"))
    _, lines = doctor(tmp_path)
    assert lines["disk"].startswith("✘")
    assert "; training needs 320003 GB" in lines["disk"]
