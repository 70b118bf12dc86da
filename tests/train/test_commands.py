"""`arborist train` and `arborist chat`: a taxonomy becomes a model that one can talk to."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.helpers.tiny import ask_few

ARBORIST = str(Path(sys.executable).with_name("arborist"))
LEAF = ROOT / "taxonomy" / "knowledge" / "science" / "minerals" / "tessarite"


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that `arborist train` prints for one leaf and a tiny student, and what it said meanwhile."""
    here = tmp_path_factory.mktemp("repository")
    shutil.copytree(LEAF, here / "taxonomy" / "knowledge" / "science" / "minerals" / "tessarite")
    text = (ROOT / "arborist.yaml").read_text()
    text = text.replace("student:\n  model: embedded", f"student:\n  model: {tiny}")
    text = text.replace("samples: 40 ", "samples: 2 ").replace("batches: 8 ", "batches: 1 ")
    text = text.replace("samples: 350 ", "samples: 4 ").replace("epochs: 3", "epochs: 1")
    (here / "arborist.yaml").write_text(text)
    ask_few(here / "arborist.yaml")
    done = subprocess.run([ARBORIST, "train"], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return here / done.stdout.strip(), done.stderr


def test_it_prints_the_folder_of_a_model_with_its_figures(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    names = {file.name for file in folder.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja"} <= names
    # There is no skill in it, so the second phase had nothing to learn; what the first said is kept there.
    [knowledge] = (folder.parent.parent / "train-knowledge").iterdir()
    assert (knowledge / "loss.png").read_bytes().startswith(b"\x89PNG")
    first = json.loads((knowledge / "metrics.jsonl").read_text().splitlines()[0])
    assert {"step", "loss", "tokens", "learning_rate", "gradient_norm", "memory_gb"} <= first.keys()
    assert list((knowledge / "runs" / "knowledge").iterdir())


def test_it_says_what_goes_into_the_phases_leaf_by_leaf(trained: tuple[Path, str]) -> None:
    _, said = trained
    assert "knowledge phase" in said and "skills phase" in said
    assert "tessarite" in said and "general replay" in said


def test_one_can_talk_to_it(trained: tuple[Path, str]) -> None:
    done = subprocess.run(
        [ARBORIST, "chat", str(trained[0])],
        input="Hello\n\nAgain\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert "an empty line starts a new conversation" in done.stderr
    assert len(done.stdout) > 10


def test_ways_of_training_are_compared(trained: tuple[Path, str]) -> None:
    here = trained[0].parents[3]
    done = subprocess.run(
        [ARBORIST, "bench", "learning", "--seeds", "1"], cwd=here, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    shown = [line.split("│")[1].strip() for line in done.stdout.splitlines() if line.startswith("│")]
    assert shown == [
        "base",
        "one phase, no replay",
        "two phases, no replay",
        "two phases with replay (LAB)",
        "one phase with general replay",
        "two phases with replay, SDFT",
        "two phases with replay, new neurons",
    ]


def test_of_a_model_that_is_nowhere_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run([ARBORIST, "chat", "no such model"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith("arborist: model 'no such model'")
    assert len(done.stderr.splitlines()) == 1


def test_of_a_folder_without_a_model_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run([ARBORIST, "chat", str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith(f"arborist: {tmp_path}: cannot load a model: ")
    assert len(done.stderr.splitlines()) == 1
