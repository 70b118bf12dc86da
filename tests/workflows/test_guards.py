"""The shipped workflow files: two linters find nothing, and neither do the guards; broken, they find it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.workflows.guards import problems
from tests.workflows.setup_guards import problems as setup_problems

FOLDER = ROOT / ".github" / "workflows"
SHIPPED = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.yml"))}
BIN = Path(sys.executable).parent
SETUP = {path.name: path.read_text() for path in (ROOT / ".github/actions/setup").iterdir() if path.is_file()}
SETUP_MUTATIONS = yaml.safe_load((Path(__file__).parent / "setup_mutations.yaml").read_text())
MUTATIONS = [
    mutation
    for name in ("mutations.yaml", "ci_mutations.yaml")
    for mutation in yaml.safe_load((Path(__file__).parent / name).read_text())
]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True)


def test_zizmor_finds_nothing() -> None:
    places = (".github", "action.yml", ".pre-commit-hooks.yaml")
    done = run("zizmor", "--offline", "--persona", "auditor", *places)
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing() -> None:
    done = run("actionlint", *(str(FOLDER / name) for name in SHIPPED))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SHIPPED)
def test_every_ignore_says_its_reason(name: str) -> None:
    for line in SHIPPED[name].splitlines():
        if "zizmor: ignore" in line:
            assert re.search(r"zizmor: ignore\[[\w-]+\] \S+ \S+", line), line


def test_the_guards_find_nothing() -> None:
    assert problems(SHIPPED) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation["name"] for mutation in MUTATIONS])
def test_the_guards_find(mutation: dict[str, str]) -> None:
    file, there = mutation["file"], mutation["there"]
    assert there in SHIPPED[file]
    changed = SHIPPED[file].replace(there, mutation["made"], 1)
    assert yaml.safe_load(changed) != yaml.safe_load(SHIPPED[file]), "it is still a file, and another one"
    assert problems({**SHIPPED, file: changed}) != []


def test_a_file_that_nobody_looked_at_is_found() -> None:
    added = "on: pull_request_target\npermissions: {}\njobs: {}\n"
    assert problems({**SHIPPED, "new.yml": added}) != []


def test_the_guards_find_nothing_in_the_set_up() -> None:
    assert setup_problems(SETUP) == []


@pytest.mark.parametrize("mutation", SETUP_MUTATIONS, ids=[mutation["name"] for mutation in SETUP_MUTATIONS])
def test_the_guards_find_in_the_set_up(mutation: dict[str, str]) -> None:
    file, there = mutation["file"], mutation["there"]
    assert there in SETUP[file]
    assert setup_problems({**SETUP, file: SETUP[file].replace(there, mutation["made"], 1)}) != []
