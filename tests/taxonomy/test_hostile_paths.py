"""Paths that are no text, or text that deceives: plans and lint go on, and their JSON is UTF-8."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import UserError
from bot.taxonomy.tree import read_tree_at
from tests import ROOT

ARBORIST = str(Path(sys.executable).with_name("arborist"))
LEAF = "knowledge/geography/islands/velmora"
PATHS = {
    "not UTF-8": b"knowledge/caf\xe9/island",
    "half a surrogate pair": b"knowledge/\xed\xa0\x80/island",
    "a line break": b"knowledge/a\nb/island",
    "a workflow command": b"knowledge/x\n::error file=a::owned/island",
    "control characters": b"knowledge/\x1b[31m\x07\x7f/island",
    "right to left": "knowledge/\u202edlrow/island".encode(),
    "over 500 characters": b"knowledge/" + b"/".join([b"a" * 200] * 3),
}
ANNOTATION = re.compile(r"::(error|warning|notice) file=taxonomy/")
PRINTABLE = {
    "quotes": b"knowledge/a'b\"c`$(id)/island",
    "a percent sign": b"knowledge/a%0A::error::b/island",
    "emoji": "knowledge/\U0001f3dd/island".encode(),
}


def add_leaf(repository: Any, path: bytes) -> str:
    """Commit a copy of a leaf under any path."""
    place = repository.root / os.fsdecode(path)
    place.mkdir(parents=True)
    for file in (repository.root / LEAF).iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    sha: str = repository.commit()
    return sha


def arborist(repository: Any, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [ARBORIST, *arguments, "--repository", str(repository.path), "--base", "main"]
    command += ["--recipe", str(ROOT / "arborist.yaml")]
    environment = {**os.environ, "ARBORIST_CACHE": str(repository.path.parent / "cache")}
    return subprocess.run(command, capture_output=True, cwd=repository.path, env=environment)


def json_of(file: Path) -> Any:
    """JSON that every reader takes: UTF-8, with no half of a surrogate pair in it."""
    data = json.loads(file.read_bytes().decode())
    json.dumps(data, ensure_ascii=False).encode()
    return data


@pytest.mark.parametrize("name", PATHS)
def test_lint_finds_a_path_that_is_no_printable_text(repository: Any, tmp_path: Path, name: str) -> None:
    repository.git("checkout", "-qb", "topic")
    add_leaf(repository, PATHS[name])
    done = arborist(repository, "lint", "--format", "github", "--output", str(tmp_path / "lint.json"))
    assert done.returncode == 1 and b"Traceback" not in done.stderr
    lines = done.stdout.decode().splitlines()
    assert all(ANNOTATION.match(line) for line in lines)
    told = [found for found in json_of(tmp_path / "lint.json")["findings"] if found["rule"] == "path"]
    assert told and all(found["path"].isprintable() and found["line"] == 1 for found in told)


@pytest.mark.parametrize("name", PATHS)
def test_a_plan_goes_on_without_such_a_leaf(repository: Any, tmp_path: Path, name: str) -> None:
    repository.git("checkout", "-qb", "topic")
    add_leaf(repository, PATHS[name])
    repository.write("knowledge/new/qna.yaml", (repository.root / LEAF / "qna.yaml").read_text())
    for file in (repository.root / LEAF).glob("*.md"):
        repository.write(f"knowledge/new/{file.name}", file.read_text())
    repository.commit()
    for output in (("--output", str(tmp_path / "plan.json")), ()):
        done = arborist(repository, "plan", *output)
        assert (done.returncode, done.stderr) == (0, b"")
    (tmp_path / "printed.json").write_bytes(done.stdout)
    plan = json_of(tmp_path / "plan.json")
    assert plan == json_of(tmp_path / "printed.json")
    assert [leaf["path"] for leaf in plan["leaves"] if leaf["change"] == "added"] == ["knowledge/new"]


@pytest.mark.parametrize("name", PATHS)
def test_deleting_such_a_leaf_is_planned(repository: Any, tmp_path: Path, name: str) -> None:
    add_leaf(repository, PATHS[name])
    repository.git("checkout", "-qb", "topic")
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.git("checkout", "-q", "main")
    repository.git("revert", "--no-edit", "HEAD")
    repository.git("branch", "-f", "topic", "HEAD")
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.git("checkout", "-q", "topic")
    done = arborist(repository, "plan", "--output", str(tmp_path / "plan.json"))
    assert (done.returncode, done.stderr) == (0, b"")
    [leaf] = [leaf for leaf in json_of(tmp_path / "plan.json")["leaves"] if leaf["change"] == "deleted"]
    assert leaf["path"].isprintable() and len(leaf["path"]) <= 500


@pytest.mark.parametrize("name", PATHS)
def test_such_a_leaf_on_main_is_one_line(repository: Any, name: str) -> None:
    sha = add_leaf(repository, PATHS[name])
    with pytest.raises(
        UserError, match=r"^taxonomy/.*: the path (is not|has over).*; rename the folder$"
    ) as told:
        read_tree_at(repository.path, sha).all()
    assert str(told.value).isprintable()


@pytest.mark.parametrize("name", PRINTABLE)
def test_other_strange_paths_are_names_like_any(repository: Any, tmp_path: Path, name: str) -> None:
    repository.git("checkout", "-qb", "topic")
    add_leaf(repository, PRINTABLE[name])
    assert arborist(repository, "plan", "--output", str(tmp_path / "plan.json")).returncode == 0
    [leaf] = [leaf for leaf in json_of(tmp_path / "plan.json")["leaves"] if leaf["change"] == "added"]
    assert leaf["path"].encode() == PRINTABLE[name]
    done = arborist(repository, "lint", "--format", "github", "--output", str(tmp_path / "lint.json"))
    lines = done.stdout.decode().splitlines()
    assert all(ANNOTATION.match(line) for line in lines)
    json_of(tmp_path / "lint.json")


def test_a_document_whose_name_is_no_text_is_one_line(repository: Any) -> None:
    (repository.root / LEAF / os.fsdecode(b"caf\xe9.md")).write_text("An island.")
    qna = repository.root / LEAF / "qna.yaml"
    qna.write_text(qna.read_text().replace("velmora.md", "'*.md'"))
    with pytest.raises(UserError, match="is not printable UTF-8 text; rename the document"):
        read_tree_at(repository.path, repository.commit()).all()
