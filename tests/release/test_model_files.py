"""The files of a released model: what lies where, and what older versions of transformers read."""

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.core.store import cache_folder
from bot.inference.models import model_folder
from bot.release.hub import download_release, publish
from bot.release.model_files import compatible_files, model_files
from tests.helpers.local_hub import free_port, running
from tests.helpers.tiny import write_tiny

ASK = """
import json, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, questions = sys.argv[1], json.loads(sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32)
answers = []
for question in questions:
    turns = [{"role": "user", "content": question}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    given = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    made = model.generate(**given, max_new_tokens=24, do_sample=False)
    answers.append(tokenizer.decode(made[0][given["input_ids"].shape[1]:]))
print(json.dumps(answers))
"""
QUESTIONS = ["What is the capital of France?", "Who wrote Hamlet?", "Name three colours."]


def test_what_no_user_needs_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    for name in ("config.json", "loss.png", "entry.json", "choice.json", "metrics.jsonl"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "runs/skills").mkdir(parents=True)
    (tmp_path / "runs/skills/events").write_text("")
    assert set(model_files(tmp_path)) == {
        *("config.json", "loss.png", "training/entry.json", "training/choice.json"),
        *("training/metrics.jsonl", "training/runs/skills/events"),
    }


@pytest.mark.parametrize(
    ("config", "added"),
    [
        ({"dtype": "bfloat16"}, {"torch_dtype": "bfloat16"}),
        ({"rope_parameters": {"rope_theta": 1e5, "rope_type": "default"}}, {"rope_theta": 1e5}),
        (
            {"rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", "factor": 8.0}},
            {"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
        ),
        ({"rope_parameters": {"full_attention": {"rope_theta": 1e6}}}, {}),
        ({"rope_parameters": None}, {}),
        ({}, {}),
    ],
)
def test_the_configuration_states_its_facts_in_the_old_places_too(
    tmp_path: Path, config: dict[str, Any], added: dict[str, Any]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert json.loads(compatible_files(tmp_path)["config.json"]) == {**config, **added}


def test_the_tokenizer_has_a_class_that_older_versions_know_and_its_template(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "TokenizersBackend"}')
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert json.loads(compatible_files(tmp_path)["tokenizer_config.json"]) == {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],
        "chat_template": "{{ messages }}",
    }


@pytest.fixture(params=["embedded", "Llama", "Qwen2", "Mistral"])
def released(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A release on the Hub, as somebody downloads it."""
    one = request.param
    model = model_folder(one) if one == "embedded" else write_tiny(tmp_path / "model", one)
    monkeypatch.setenv("HF_TOKEN", "hf_maintainer")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    with running(tmp_path / "hub", free_port()) as serving:
        monkeypatch.setenv("HF_ENDPOINT", serving.url)
        yield download_release(publish("lab/model", model, {}, {"key": "a" * 64, "release": "v2024.11.01.1"}))


def answers(python: Path, folder: Path) -> list[str]:
    command = [str(python), "-c", ASK, str(folder), json.dumps(QUESTIONS)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    told: list[str] = json.loads(done.stdout.splitlines()[-1])
    return told


def environment(version: str) -> Path:
    """The Python of an environment with this version of transformers; torch is that of the tests."""
    folder = cache_folder() / "compat" / f"transformers-{version}-{sys.version_info.minor}"
    python = folder / "bin/python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", f"transformers=={version}", "numpy"], check=True
        )
        # Behind its own packages come those of the tests, of which torch is wanted.
        site = next(folder.glob("lib/python*/site-packages"))
        others = Path(sys.executable).parents[1] / site.relative_to(folder)
        (site / "of-the-tests.pth").write_text(f"{others}\n")
        (folder / "ready").touch()
    return python


@pytest.mark.compat
@pytest.mark.parametrize("version", ["4.45.2", "4.57.6"])
def test_a_release_answers_the_same_under_older_versions(released: Path, version: str) -> None:
    assert answers(environment(version), released) == answers(Path(sys.executable), released)
