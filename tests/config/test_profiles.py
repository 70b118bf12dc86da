"""Profiles and prompts of a repository's own, beside its recipe."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.difference import compare
from bot.config.load import load_recipe
from bot.config.profiles import load_profile, profile_of
from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.generate.inputs import samples_inputs
from tests import ROOT
from tests.helpers.leaves import knowledge

OWN = "machine: {gpus: 0}\nvllm: {dtype: auto, max-model-len: 4096}\ntrain: {processes: 1}\n"


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
    own = written(tmp_path, **{"runners__gpu-80g.yaml": OWN})
    assert load_profile("gpu-80g", own).vllm == {"dtype": "auto", "max_model_len": 4096}
    assert load_profile("cpu", own).vllm["enforce_eager"] is True


def test_a_recipe_chooses_vllm_and_training_by_one_name(tmp_path: Path) -> None:
    own = written(tmp_path, runners__mine=OWN + "deepspeed: {zero_optimization: {stage: 1}}\n")
    (own / "runners" / "mine").rename(own / "runners" / "mine.yaml")
    profile = profile_of(recipe(own, "profile: gpu-80g-x8", "profile: mine"))
    assert (profile.vllm["max_model_len"], profile.stage, profile.processes) == (4096, 1, 1)


@pytest.mark.parametrize("name", ["cpu", "gpu-24g", "gpu-80g", "gpu-80g-x8", "cluster"])
def test_a_shipped_profile_uses_each_gpu_of_its_machine(name: str) -> None:
    profile = load_profile(name, ROOT)
    gpus = profile.machine.gpus
    assert profile.processes == max(1, gpus * profile.machine.nodes)
    copies = profile.vllm.get("tensor_parallel_size", 1) * profile.vllm.get("data_parallel_size", 1)
    assert copies == max(1, gpus)


def test_an_unknown_profile_is_one_line_with_those_there_are_and_where(tmp_path: Path) -> None:
    written(tmp_path, **{"runners__mine.yaml": OWN, "runners__values.yaml": "of: something else\n"})
    with pytest.raises(UserError) as raised:
        load_profile("nix", tmp_path)
    said = str(raised.value)
    assert said.startswith(f"profile: 'nix' not found in {tmp_path}/runners or /")
    assert said.endswith("; choose one of cluster, cpu, gpu-24g, gpu-80g, gpu-80g-x8, mine")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("machine: {gpus: 0}", "[", "not YAML"),
        (OWN, "[1]", "top level: [1] is not of type 'object'"),
        ("gpus: 0", "gpus: 2", "machine: 'memory_gib' is a required property"),
        ("gpus: 0", "gpus: -1", "machine.gpus: -1 is less than the minimum of 0"),
        ("dtype: auto", "model: org/other", "vllm: cannot be combined"),
        ("dtype: auto", "--dtype: auto", "vllm: '--dtype' does not match"),
        ("processes: 1", "processes: 2", "train.processes: 2 processes need DeepSpeed"),
        ("processes: 1", "process: 2", "train: "),
        (
            OWN,
            "machine: {gpus: 1, memory_gib: 24}\nvllm: {}\ntrain: {processes: 3}\n"
            "deepspeed: {zero_optimization: {stage: 2}}\n",
            "train.processes: 3 processes need as many GPUs, and `machine` has 1",
        ),
        ("train:", "deepspeed: {zero_optimization: {}}\ntrain:", "zero_optimization: 'stage' is a required"),
        ("train:", "deepspeed: {zero_optimization: {stage: 4}}\ntrain:", "zero_optimization.stage: 4 is"),
        ("train:", "deepspeed: {fp16: {}, zero_optimization: {stage: 1}}\ntrain:", "('fp16' was unexpected)"),
    ],
)
def test_a_profile_that_is_wrong_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in OWN
    written(tmp_path, **{"runners__mine.yaml": OWN.replace(old, new)})
    with pytest.raises(UserError, match=r"runners/mine\.yaml: ") as raised:
        load_profile("mine", tmp_path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.code == 1


def test_keys_follow_what_a_profile_changes_in_answers_and_not_its_place(tmp_path: Path) -> None:
    shipped = key(recipe(written(tmp_path / "a")))
    assert key(recipe(tmp_path / "a", "profile: gpu-80g-x8", "profile: gpu-80g")) == shipped
    faster = written(tmp_path / "b", **{"runners__gpu-80g-x8.yaml": OWN})
    assert key(recipe(faster)) == shipped
    coarse = OWN.replace("dtype: auto", "quantization: fp8")
    folders = [written(tmp_path / name, **{"runners__gpu-80g-x8.yaml": coarse}) for name in "cd"]
    coarser = {key(recipe(folder)) for folder in folders}
    assert len(coarser) == 1
    assert shipped not in coarser


@pytest.mark.parametrize(
    ("engine", "profile", "again"),
    [
        ("vllm", "gpu-80g", False),
        ("vllm", "gpu-24g", True),
        ("vllm", "own", True),
        ("transformers", "gpu-24g", False),
    ],
)
def test_the_plan_knows_whether_another_profile_makes_other_samples(
    tmp_path: Path, engine: str, profile: str, again: bool
) -> None:
    """Also of a profile that only the pull request has, which the job that reads it does not."""
    before = recipe(written(tmp_path), "engine: vllm", f"engine: {engine}")
    change = compare(before, replace(before, profile=profile))
    assert change.changed == ("profile",)
    assert (change.samples, change.retrains) == (again, again)


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
