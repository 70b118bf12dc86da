"""Models by name, and what tells their weights apart."""

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.models import model_folder, model_name, model_revision


def test_the_embedded_model_has_a_revision_before_it_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = model_revision("embedded")
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path))
    assert model_revision("embedded") == revision
    assert model_name("embedded") == "HuggingFaceTB/SmolLM2-135M-Instruct"
    with pytest.raises(UserError, match="make setup"):
        model_folder("embedded")


def test_a_folder_is_known_by_its_weights_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    for name, weights in (("one", b"1"), ("copy", b"1"), ("other", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(weights)
    one, copy, other = (model_revision(str(tmp_path / name)) for name in ("one", "copy", "other"))
    assert one == copy != other
    assert model_folder(str(tmp_path / "one")) == tmp_path / "one"


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no safetensors here"):
        model_revision(str(tmp_path))


def test_a_commit_on_the_hub_is_its_own_revision() -> None:
    assert model_revision(f"org/name@{'a' * 40}") == "a" * 40
