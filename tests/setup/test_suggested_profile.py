"""`arborist doctor --suggest`: which profile suits a machine, and what fits by each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.helpers.profiles import write_profile

ARBORIST = Path(sys.executable).with_name("arborist")


def suggested(folder: Path, gpus: str, **changes: str) -> tuple[int, dict[str, str]]:
    """The exit code and the line of each name, on a machine whose nvidia-smi prints this.

    Args:
        changes: of Granite's recipe: text -> other text, `_` for a blank.
    """
    text = (ROOT / "recipes" / "granite.yaml").read_text().replace("microsoft/phi-4", "embedded")
    for old, new in changes.items():
        assert old.replace("_", " ") in text
        text = text.replace(old.replace("_", " "), new)
    (folder / "arborist.yaml").write_text(text)
    smi = folder / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\ncat <<'END'\n{gpus}\nEND\n")
    smi.chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HF_ENDPOINT": "http://127.0.0.1:9"}
    command = [ARBORIST, "doctor", "--suggest", "--repository", folder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert not done.stderr
    lines = (line.partition(": ") for line in done.stdout.splitlines())
    return done.returncode, {name[2:]: name[0] + words for name, _, words in lines}


H100 = "NVIDIA H100 80GB HBM3, 81559"


@pytest.mark.parametrize(
    ("gpus", "profile"),
    [
        ("\n".join([H100] * 8), "gpu-80g-x8"),
        ("\n".join([H100] * 3), "gpu-80g"),
        ("NVIDIA GeForce RTX 4090, 24564", "gpu-24g"),
        ("NVIDIA A10G, 23028", "gpu-24g"),
        ("", "cpu"),
    ],
)
def test_the_largest_profile_for_the_machine_is_suggested(tmp_path: Path, gpus: str, profile: str) -> None:
    # An adapter for a small model, which each machine holds.
    small = {"parameters:_8.17e+9": "parameters: 1.0e+8", "precision:_bf16": "precision: bf16\n  rank: 8"}
    code, lines = suggested(tmp_path, gpus, **small)
    assert code == 0
    assert f"{profile}: the largest profile for this machine" in lines["profile"]
    said = (
        "as arborist.yaml says" if profile == "gpu-80g-x8" else f"set `profile: {profile}` in arborist.yaml"
    )
    assert said in lines["profile"]


def test_each_profile_has_a_line_with_what_fits(tmp_path: Path) -> None:
    code, lines = suggested(tmp_path, "\n".join([H100] * 8))
    assert code == 0
    assert lines.keys() == {"machine", "cpu", "gpu-24g", "gpu-80g", "gpu-80g-x8", "cluster", "profile"}
    assert lines["machine"].startswith("✔8 x NVIDIA H100 80GB HBM3 of 80 GiB, ")
    assert lines["gpu-80g-x8"].startswith(
        "✔training needs 18.4 of 80 GiB of each GPU: fits; "
        "an exam needs 17.2 of 80 GiB of one GPU: fits; the teacher needs "
    )
    assert lines["cpu"].startswith("!training needs ") and "of main memory: does not fit" in lines["cpu"]
    assert lines["cluster"].startswith(
        "?is for 2 nodes with 8 GPUs of 80 GiB each; training needs 10.8 of 80"
    )


def test_models_that_no_profile_for_the_machine_holds_are_an_error_with_a_way_out(tmp_path: Path) -> None:
    code, lines = suggested(tmp_path, "NVIDIA L4, 23034", **{"parameters:_8.17e+9": "parameters: 2.09e+10"})
    assert code == 2
    assert lines["gpu-24g"].startswith("!training needs ") and "does not fit" in lines["gpu-24g"]
    assert lines["profile"].startswith("✘none for this machine holds the recipe's models; ")
    assert lines["profile"].endswith("or a machine of gpu-80g (1 GPU of 80 GiB)")


def test_a_profile_of_the_repositorys_own_counts_and_sizes_may_be_unknown(tmp_path: Path) -> None:
    write_profile(tmp_path, "two", "gpus: 2, memory_gib: 80")
    code, lines = suggested(
        tmp_path, f"{H100}\n{H100}", embedded="org/unknown", **{"parameters:_8.17e+9": ""}
    )
    assert code == 0
    assert "two: the largest profile for this machine" in lines["profile"]
    unknown = "the size of org/unknown is unknown"
    assert (
        lines["two"]
        == f"✔the size of ibm-granite/granite-3.3-8b-base is unknown: set student.parameters; {unknown}"
    )


def test_a_profile_that_is_wrong_is_one_line(tmp_path: Path) -> None:
    write_profile(tmp_path, "two", "gpus: 2")
    (tmp_path / "arborist.yaml").write_text((ROOT / "arborist.yaml").read_text())
    command = [ARBORIST, "doctor", "--suggest", "--repository", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        f"arborist: {tmp_path}/runners/two.yaml: machine: 'memory_gib' is a required property\n"
    )
