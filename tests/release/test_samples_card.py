"""The card of the data set of samples: metadata that the Hub reads, text that people read, code that runs."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard

from bot.core.store import cache_folder
from bot.release.hub import publish
from bot.release.samples_card import samples_card, size_category
from tests.helpers.companions import SAMPLES, samples_companion
from tests.helpers.hostile_texts import HOSTILE
from tests.helpers.local_hub import RunningHub
from tests.helpers.manifests import leaf_row, manifest
from tests.helpers.signed_release import FILES, MODEL, write_model
from tests.helpers.signed_release import manifest as release_of

ORU = "knowledge/islands/oru"
ROWS = {"knowledge": {ORU: 2_000}, "skills": {ORU: 5, "": 3}}


def card(made: dict[str, Any], rows: dict[str, dict[str, int]] | None = None) -> DatasetCard:
    stated = {"kind": "samples", "repository": SAMPLES.name, "files": {}, "facts": {"rows": rows or ROWS}}
    return DatasetCard(samples_card(made, stated))


def test_its_metadata_is_complete_and_the_hub_accepts_it(
    local_hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = card(manifest(leaf_row(ORU)))
    assert found.data.to_dict() == {
        "license": "apache-2.0",
        "language": ["en"],
        "pretty_name": "Training samples of lab/model",
        "size_categories": ["1K<n<10K"],
        "task_categories": ["text-generation", "question-answering"],
        "tags": ["arborist", "instructlab", "lab", "synthetic"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": "knowledge", "path": "data/knowledge.parquet"},
                    {"split": "skills", "path": "data/skills.parquet"},
                ],
            }
        ],
    }
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", local_hub.url)
    found.validate(repo_type="dataset")


def test_share_alike_licences_of_leaves_stay_and_each_work_is_named() -> None:
    work = {"title": "Lights", "link": "a.md", "licence": "CC-BY-SA-4.0", "creators": "Petra Osgood"}
    made = card(manifest(leaf_row(ORU, attribution=[work])))
    assert made.data.license == ["apache-2.0", "cc-by-sa-4.0"]
    text = " ".join(made.text.split())
    assert "Rows of leaves with a share-alike licence have that licence: cc-by-sa-4.0." in text
    assert f"- `{ORU}`: Lights, by Petra Osgood. Licence: CC-BY-SA-4.0. Source: `a.md`." in text


def test_it_says_which_release_learned_what_and_how_to_verify_it() -> None:
    text = card(manifest(leaf_row(ORU), release="v2024.11.01.3")).text
    assert "that the release v2024.11.01.3 of the model `lab/model` was trained on." in text
    assert f"| `{ORU}` | `petra` | 2000 | 5 |\n| general requests | | 0 | 3 |" in text
    assert "```sh\narborist verify lab/model@v2024.11.01.3 --key release.pub\n```" in text
    assert "are not in this data set.\n" in text
    shared = card(manifest(leaf_row(ORU, status="shared"))).text
    assert "ask some of the exam questions of the leaves below." in shared
    assert f"are not in this data set.\n`{ORU}`." in shared


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_others_change_neither_metadata_nor_markup(text: str) -> None:
    work = {"title": text, "link": text, "licence": text, "creators": text}
    row = leaf_row(text, created_by=text, attribution=[work])
    made = card(manifest(row), {"knowledge": {text: 1}})
    plain = card(manifest(leaf_row(ORU)), {"knowledge": {ORU: 1}})
    assert made.data.to_dict() == plain.data.to_dict()
    marks = [line for line in made.text.splitlines() if line.startswith(("#", "---", "```"))]
    assert marks == [line for line in plain.text.splitlines() if line.startswith(("#", "---", "```"))]
    assert set(re.findall(r"&#?\w+;", made.text)) <= set(re.findall(r"&#?\w+;", text))


@pytest.mark.parametrize(
    ("rows", "name"), [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (123_456, "100K<n<1M")]
)
def test_the_category_of_a_size(rows: int, name: str) -> None:
    assert size_category(rows) == name


@pytest.fixture
def code(local_hub: RunningHub, tmp_path: Path) -> list[str]:
    """The blocks of Python on the card of a data set that is on the Hub."""
    made = samples_companion(tmp_path / "store", release_of())
    publish(MODEL, write_model(tmp_path / "model"), FILES, release_of(), companions=[made])
    return re.findall(r"```python\n(.*?)```", made.card, re.DOTALL)


def run(python: str | Path, code: str, local_hub: RunningHub, tmp_path: Path) -> list[str]:
    own = {
        "HF_ENDPOINT": local_hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_CACHE": str(tmp_path / "copies"),
    }
    done = subprocess.run(
        [python, "-c", code], env={**os.environ, **own}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


EXPECTED = [
    "knowledge 2 [{'role': 'user', 'content': 'What of knowledge/clocks/corvane, number 1?'}, "
    "{'role': 'assistant', 'content': 'It is 1.'}]",
]


def test_the_code_without_a_library_for_data_sets_prints_rows(
    code: list[str], local_hub: RunningHub, tmp_path: Path
) -> None:
    lines = run(sys.executable, code[1], local_hub, tmp_path)
    assert [line.split()[0] for line in lines] == ["knowledge", "skills"]
    assert lines[:1] == EXPECTED


@pytest.mark.compat
def test_the_library_datasets_finds_the_splits(
    code: list[str], local_hub: RunningHub, tmp_path: Path
) -> None:
    """In an environment of its own: it asks for another version of huggingface_hub."""
    folder = cache_folder() / "compat" / f"datasets-{sys.version_info.minor}"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", "datasets"], check=True)
        (folder / "ready").touch()
    lines = run(folder / "bin/python", code[0], local_hub, tmp_path)
    assert [line.split()[0] for line in lines] == ["knowledge", "skills"]
    assert lines[:1] == EXPECTED
