"""Profiles and prompts of a repository's own, beside its recipe."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.config.profiles import deepspeed_profile, find_profile, vllm_profile
from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.generate.inputs import samples_inputs
from tests import ROOT
from tests.helpers.leaves import knowledge

OWN = "dtype: auto\nmax-model-len: 4096\n"


def written(folder: Path, **files: str) -> Path:
    """A folder with a recipe of vLLM's, and files (`__` in a name stands for `/`)."""
    text = (ROOT / "recipes" / "granite.yaml").read_text()
    assert "engine: vllm" in text
    for name, content in {"arborist.yaml": text, **files}.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder


def recipe(folder: Path, old: str = "", new: str = "") -> Recipe:
    """The recipe of a folder, one passage changed."""
    path = folder / "arborist.yaml"
    path.write_text(path.read_text().replace(old, new))
    return load_recipe(path)


def key(stated: Recipe) -> str:
    """The key of a leaf's samples, by a teacher whose revision nobody has to be asked for."""
    return samples_inputs(
        knowledge(), replace(stated, teacher=replace(stated.teacher, model=f"a/b@{'0' * 40}"))
    ).key


def test_a_repositorys_own_profile_goes_before_the_shipped_one(tmp_path: Path) -> None:
    own = written(tmp_path, **{"runners__vllm__gpu.yaml": OWN})
    assert vllm_profile("gpu", own) == {"dtype": "auto", "max_model_len": 4096}
    assert vllm_profile("cpu", own)["enforce_eager"] is True
    zero = written(tmp_path, **{"runners__deepspeed__wide.json": '{"zero_optimization": {"stage": 1}}'})
    assert deepspeed_profile("wide", zero) == str(tmp_path / "runners/deepspeed/wide.json")
    assert deepspeed_profile("zero2", zero).endswith("runners/deepspeed/zero2.json")


def test_an_unknown_profile_is_one_line_with_those_there_are_and_where(tmp_path: Path) -> None:
    written(tmp_path, **{"runners__vllm__mine.yaml": OWN})
    with pytest.raises(UserError) as raised:
        find_profile("teacher.profile", "vllm", "nix", tmp_path)
    said = str(raised.value)
    assert said.startswith(f"teacher.profile: profile 'nix' not found in {tmp_path}/runners/vllm or /")
    assert said.endswith("; choose one of cpu, gpu, mine")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("[1]", "not a mapping"),
        ("{", "not YAML"),
        ('{"zero_optimization": {}}', "zero_optimization.stage is missing"),
        (
            '{"zero_optimization": {"stage": 2}, "fp16": {"enabled": true}}',
            "fp16: not allowed in a profile, which may have only activation_",
        ),
    ],
)
def test_a_profile_that_is_wrong_is_one_line(tmp_path: Path, file: str, message: str) -> None:
    written(tmp_path, runners__deepspeed__mine=file)
    (tmp_path / "runners/deepspeed/mine").rename(tmp_path / "runners/deepspeed/mine.json")
    with pytest.raises(UserError, match=r"mine\.json: ") as raised:
        deepspeed_profile("mine", tmp_path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_keys_follow_what_a_profile_changes_in_answers_and_not_its_place(tmp_path: Path) -> None:
    shipped = key(recipe(written(tmp_path / "a")))
    faster = written(tmp_path / "b", **{"runners__vllm__gpu.yaml": OWN})
    assert key(recipe(faster)) == shipped
    folders = [
        written(tmp_path / name, **{"runners__vllm__gpu.yaml": f"{OWN}quantization: fp8\n"}) for name in "cd"
    ]
    coarser = {key(recipe(folder)) for folder in folders}
    assert len(coarser) == 1
    assert shipped not in coarser


def test_prompts_are_found_beside_the_recipe_and_keys_follow_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "bot/generate/prompts/rephrase.yaml").read_text()
    same, other = (
        recipe(
            written(tmp_path / name, **{"words__rephrase.yaml": text + more}),
            "\ngenerate:\n",
            "\ngenerate:\n  prompts: words\n",
        )
        for name, more in (("a", ""), ("b", "# another\n"))
    )
    monkeypatch.chdir(tmp_path)
    assert key(same) == key(recipe(written(tmp_path / "c")))
    assert key(other) != key(same)
    assert same.part("generate") == other.part("generate")


def test_a_folder_of_prompts_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"arborist\.yaml: generate\.prompts: .*/nowhere is not a folder"):
        recipe(written(tmp_path), "\ngenerate:\n", "\ngenerate:\n  prompts: nowhere\n")
