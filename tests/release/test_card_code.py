"""The code on the model card runs: with a tiny model, where `from_pretrained` finds a folder of that name."""

import ast
import builtins
import re
import subprocess
from pathlib import Path

import pytest

from bot.release.card import model_card
from tests.helpers.manifests import leaf_row, manifest
from tests.helpers.tiny import write_tiny


def blocks(language: str) -> list[str]:
    card = model_card(manifest(leaf_row("knowledge/islands/oru")), None)
    return re.findall(rf"```{language}\n(.*?)```", card, re.DOTALL)


def test_the_code_for_transformers_prints_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny(tmp_path / "lab/model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    [code] = [block for block in blocks("python") if "transformers" in block]
    exec(compile(code, "card", "exec"), {})
    assert capsys.readouterr().out.strip()


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
    assert len(blocks("python")) == 2
    assert [block.split()[0] for block in blocks("sh")] == ["vllm", "hf", "arborist"]
