"""The code on the model card runs: with a tiny model, where `from_pretrained` finds a folder of that name."""

import ast
import builtins
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.inference.encoder import open_encoder
from bot.inference.passages import DocumentPassages, PassageWriter
from bot.inference.retrieval import FILE, Passage
from bot.inference.retrieval import with_passages as with_the_passages
from bot.release.card import model_card
from tests.helpers.manifests import with_retrieval
from tests.helpers.tiny import write_tiny


def blocks(language: str, encoder: str = "embedded") -> list[str]:
    card = model_card(with_retrieval(encoder), None)
    return re.findall(rf"```{language}\n(.*?)```", card, re.DOTALL)


def test_the_code_for_transformers_prints_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny(tmp_path / "lab/model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, with_passages = [block for block in blocks("python") if "transformers" in block]
    exec(compile(code, "card", "exec"), {})
    assert capsys.readouterr().out.strip()

    # The Hub's cache as it is once the file was downloaded.
    there = tmp_path / "cache/models--lab--model"
    write_passages(there / "snapshots" / ("b" * 40) / FILE)
    (there / "refs").mkdir()
    (there / "refs/v2024.11.01.1").write_text("b" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    used: dict[str, Any] = {}
    exec(compile(with_passages, "card", "exec"), used)
    assert capsys.readouterr().out.splitlines()[-1] == "from france.md#2, france.md#1"
    texts = [Passage("", "", 0, row["passage"]) for row in used["found"]]
    assert used["request"] == with_the_passages(used["question"], texts)


def write_passages(file: Path) -> None:
    encoder, texts = open_encoder("embedded"), ["Bread is baked at night.", "Paris is the capital of France."]
    vectors = encoder.passages(texts)
    with PassageWriter(file, (encoder.name, encoder.revision), vectors.shape[1]) as writer:
        writer.add(DocumentPassages("knowledge/france", "france.md", "a" * 64, "", texts, vectors))


def test_another_encoder_is_named_with_its_revision() -> None:
    [code] = [block for block in blocks("python", f"org/encoder@{'c' * 40}") if "lancedb" in block]
    assert f'SentenceTransformer("org/encoder", revision="{"c" * 40}")' in code
    assert "wordllama" not in code
    ast.parse(code)


@pytest.mark.parametrize("code", blocks("python"))
def test_each_block_of_python_is_whole(code: str) -> None:
    """It can be parsed, and defines or imports each name that it uses."""
    tree = ast.walk(ast.parse(code))
    names = [node for node in tree if isinstance(node, ast.Name)]
    known = {node.id for node in names if isinstance(node.ctx, ast.Store)} | set(dir(builtins))
    known |= {one.name for node in ast.walk(ast.parse(code)) for one in getattr(node, "names", [])}
    assert {node.id for node in names} - known == set()
    assert "print" in {node.id for node in names}


@pytest.mark.parametrize("code", blocks("sh"))
def test_each_block_of_shell_is_valid(code: str) -> None:
    assert subprocess.run(["bash", "-n"], input=code, text=True).returncode == 0


def test_there_is_code_for_each_way_to_use_the_model() -> None:
    assert len(blocks("python")) == 3
    assert [block.split()[0] for block in blocks("sh")] == ["vllm", "hf", "arborist"]
