"""The examples for Kubernetes and SLURM hold against KubeRay's schema and the options of sbatch."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests import ROOT

HERE = Path(__file__).parent
EXAMPLES = ROOT / "docs" / "examples"
SCHEMA = json.loads((HERE / "kuberay-1.7.0-rayjob.json").read_text())
OPTIONS = {line for line in (HERE / "sbatch-options.txt").read_text().split() if line.startswith("-")}


def strict(schema: Any) -> Any:
    """Return a schema by which fields that it does not name are mistakes; Kubernetes drops them."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {}
    return {name: strict(value) for name, value in schema.items()} | closed


def mistakes(job: Any) -> list[str]:
    schema = strict(SCHEMA)
    schema["properties"]["metadata"].pop("additionalProperties", None)  # any object's
    return [one.json_path for one in Draft202012Validator(schema).iter_errors(job)]


def test_the_ray_job_is_kuberays() -> None:
    job = yaml.safe_load((EXAMPLES / "rayjob.yaml").read_text())
    assert mistakes(job) == []
    assert job["apiVersion"] == "ray.io/v1"
    job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replica"] = 2
    job["spec"]["entrypoint"] = ["arborist"]
    assert mistakes(job) == ["$.spec.entrypoint", "$.spec.rayClusterSpec.workerGroupSpecs[0]"]


def test_its_ray_is_the_one_that_is_locked() -> None:
    job = yaml.safe_load((EXAMPLES / "rayjob.yaml").read_text())
    assert f"ray=={job['spec']['rayClusterSpec']['rayVersion']}\n" in (ROOT / "constraints.txt").read_text()


def test_the_slurm_job_has_options_of_sbatch() -> None:
    text = (EXAMPLES / "ray.sbatch").read_text()
    stated = re.findall(r"^#SBATCH ([^=\s]+)", text, re.MULTILINE)
    assert len(stated) > 5
    assert set(stated) - OPTIONS == set()
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        [shellcheck, "--exclude=SC1091", EXAMPLES / "ray.sbatch"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
