"""The lint where people are: as an action in a repository of theirs, and as a pre-commit hook.

Both install this package for themselves, here without a network: what it needs is lent by this environment.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from sarif_kit.validate import assert_valid

from localworld.seed import commit_tree
from tests import ROOT

BIN = Path(sys.executable).parent
LEAF = "taxonomy/knowledge/science/minerals/tessarite/qna.yaml"
WORKFLOW = """
name: lint
on: push
permissions: {}
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - uses: ./arborist
        with:
          sarif: lint.sarif
      - if: always()
        run: python3 -c "import json; print(json.dumps(json.load(open('lint.sarif'))))"
"""
OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # for pip: do not isolate
    "PYTHONPATH": sysconfig.get_path("purelib"),
}


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person with a git identity, a home of their own, and nothing but this environment on PATH."""
    values = {**OFFLINE, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path / "home")}
    values |= {
        f"GIT_{role}_{what}": "wrenna@localhost"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "home").mkdir()


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository, as it is on disk, as others clone it."""
    bare = tmp_path_factory.mktemp("published") / "arborist.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    commit_tree(ROOT, bare)
    return bare


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Somebody's taxonomy with one mistake, which can be fixed mechanically."""
    repository = tmp_path / "theirs"
    shutil.copytree(ROOT / "taxonomy/knowledge", repository / "taxonomy/knowledge")
    (repository / LEAF).write_text(
        re.sub(r"(?m)^created_by: .*", "created_by: 7", (repository / LEAF).read_text())
    )
    run("git", "init", "-q", ".", cwd=repository)
    return repository


def commit(repository: Path) -> None:
    run("git", "add", "-A", cwd=repository)
    done = run("git", "commit", "-q", "-m", "theirs", cwd=repository)
    assert done.returncode == 0, done.stderr


def test_as_an_action_it_annotates_and_writes_sarif(theirs: Path, published: Path) -> None:
    run("git", "clone", "-q", published, theirs / "arborist", cwd=theirs)
    shutil.rmtree(theirs / "arborist/.git")
    workflow = theirs / ".github/workflows/lint.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(WORKFLOW)
    commit(theirs)
    settings = [part for name, value in OFFLINE.items() for part in ("--env", f"{name}={value}")]
    offline = ["-P", "ubuntu-latest=-self-hosted", "--action-offline-mode", "--no-cache-server"]
    done = run("act", "push", *offline, *settings, cwd=theirs)
    assert done.returncode == 1, done.stdout
    [annotation] = [line for line in done.stdout.splitlines() if "::error" in line]
    line = (theirs / LEAF).read_text().splitlines().index("created_by: 7") + 1
    assert f"::error file={LEAF},line={line},col=13," in annotation
    [log] = re.findall(r"\| (\{\"\$schema.*)", done.stdout)
    assert_valid(json.loads(log))


def test_as_a_pre_commit_hook_it_stops_a_commit_until_it_is_fixed(theirs: Path, published: Path) -> None:
    revision = run("git", "-C", published, "rev-parse", "main", cwd=theirs).stdout.strip()
    hook = {"id": "arborist-lint", "args": ["--fix"]}
    config = {"repos": [{"repo": str(published), "rev": revision, "hooks": [hook]}]}
    (theirs / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    run("git", "add", "-A", cwd=theirs)
    done = run("pre-commit", "run", cwd=theirs)
    assert done.returncode == 1, done.stdout
    assert "files were modified by this hook" in done.stdout
    assert 'created_by: "7"' in (theirs / LEAF).read_text()
    run("git", "add", "-A", cwd=theirs)
    assert run("pre-commit", "run", cwd=theirs).returncode == 0


def test_the_documents_show_the_action_and_the_hook_as_they_are() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "leaf.md").read_text(), re.DOTALL)
    shown = [yaml.safe_load(block) for block in blocks]
    [step] = [step for block in shown if isinstance(block, list) for step in block if "with" in step]
    assert set(step["with"]) <= set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])
    [hooks] = [block["repos"][0]["hooks"] for block in shown if "repos" in block]
    known = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == [hook["id"] for hook in known]
