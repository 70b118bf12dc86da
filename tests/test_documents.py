"""The documents: their commands run, their links lead somewhere."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from tests import ROOT
from tests.helpers.instructlab_tree import commit
from tests.helpers.repository import git_in

BIN = Path(sys.executable).parent
GENERATED = [ROOT / "docs" / name for name in ("commands.md", "recipe.md", "rules.md")]
"""Made by `make docs`; what stands in their code blocks is no command."""
TOP = [
    ROOT / name
    for name in (
        "README.md",
        "ARCHITECTURE.md",
        "BENCHMARKS.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
    )
]
WRITTEN = [*TOP, *sorted({*(ROOT / "docs").rglob("*.md")} - {*GENERATED})]
# Run by tests of their own: the demo and the retraining in tests/loop, training and chat in tests/train; make
# test by whoever runs this.
ELSEWHERE = {
    "make demo",
    "make test",
    "arborist retrain",
    "localworld demo --keep",
    "arborist train",
    "arborist chat",
}


def commands() -> list[str]:
    """What the documents tell people to type."""
    text = "\n".join(path.read_text() for path in WRITTEN)
    blocks = [b for language, b in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL) if not language]
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`((?:eval )?[^`\n]*\.venv/bin/(?:arborist|localworld) [^`\n]*)`", text)
    return [line.replace(".venv/bin/", "") for line in dict.fromkeys([*lines, *inline]) if line]


def test_the_two_commands_are_there() -> None:
    assert {"make demo", "make test"} <= set(commands())


@pytest.mark.parametrize("command", [c for c in commands() if c not in ELSEWHERE])
def test_a_command_runs(command: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    if command.startswith("localworld up"):
        words = [word if word != "world" else str(tmp_path / "world") for word in shlex.split(command)]
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            address = json.loads(process.stdout.readline())
            assert address["repository"] == "lab/taxonomy"
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    elif command.startswith("eval"):
        (tmp_path / "world").mkdir()
        record = {"github": {"api": "a", "web": "w"}, "hub": "h", "repository": "r", "tokens": {"bot": "t"}}
        (tmp_path / "world" / "world.json").write_text(json.dumps(record | {"data": str(tmp_path)}))
        script = f"{command} && echo $HF_ENDPOINT"
        with FileLock(tmp_path / "world" / "world.lock"):  # as whoever serves it does
            done = subprocess.run(
                ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
        assert done.stdout == "h\n", done.stderr
    elif command.startswith("arborist init"):
        words = [word if word != "../handbook" else str(tmp_path) for word in shlex.split(command)]
        # This clone may have no origin that names arborist's repository.
        words += ["--arborist", "lab/arborist"]
        done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "your-org/handbook-model" in (tmp_path / "arborist.yaml").read_text()
    else:
        new = command.startswith("arborist new")
        if command.startswith("arborist adopt"):
            shutil.copytree(ROOT / "taxonomy/knowledge", tmp_path / "taxonomy/knowledge")
            shutil.copy(ROOT / "arborist.yaml", tmp_path)
            git_in(tmp_path, "init", "--quiet")
            commit(tmp_path)
        else:
            (tmp_path / "taxonomy").mkdir()
        folder = tmp_path if new else ROOT
        done = subprocess.run(
            [word if word != "../handbook" else str(tmp_path) for word in shlex.split(command)],
            cwd=folder,
            env={**environment, "ARBORIST_STORE": str(tmp_path / "store")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [*WRITTEN, *GENERATED], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_places_are_there(path: Path) -> None:
    text = path.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    named = re.findall(
        r"`((?:bot|localworld|docs|tests|schemas|recipes|runners|\.github|taxonomy)/[\w./-]*)`", text
    )
    for place in [*(path.parent / link for link in links), *(ROOT / name for name in named)]:
        assert place.exists(), place
