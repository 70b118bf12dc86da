"""The values for ARC's chart have only keys that the chart knows, and each job has an end and a ceiling."""

import copy
from typing import Any

import jsonschema
import pytest
import yaml

from tests import ROOT

VALUES = yaml.safe_load((ROOT / "runners" / "arc-values.yaml").read_text())
POSITIVE = {"type": "integer", "minimum": 1}
CONTAINER = {
    "type": "object",
    "required": ["name", "image", "command", "resources"],
    "properties": {
        "name": {"const": "runner"},
        "image": {"type": "string", "pattern": "@sha256:[0-9a-f]{64}$"},
        "command": {"const": ["/home/runner/run.sh"]},
        "resources": {
            "type": "object",
            "required": ["limits"],
            "properties": {
                "limits": {
                    "type": "object",
                    "required": ["memory", "nvidia.com/gpu", "ephemeral-storage"],
                    "properties": {"nvidia.com/gpu": POSITIVE},
                }
            },
        },
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["githubConfigUrl", "githubConfigSecret", "minRunners", "maxRunners", "template"],
    "properties": {
        "githubConfigUrl": {"type": "string", "pattern": "^https://"},
        "githubConfigSecret": {"type": "string"},
        "minRunners": {"type": "integer", "minimum": 0},
        "maxRunners": POSITIVE,
        "runnerGroup": {"type": "string"},
        "runnerScaleSetName": {"type": "string"},
        "scaleSetLabels": {"type": "array", "items": {"type": "string"}},
        "containerMode": {"type": "object"},
        "listenerMetrics": {"type": "object"},
        "template": {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "required": ["activeDeadlineSeconds", "restartPolicy", "containers", "securityContext"],
                    "properties": {
                        "activeDeadlineSeconds": POSITIVE,
                        "restartPolicy": {"const": "Never"},
                        "automountServiceAccountToken": {"const": False},
                        "securityContext": {
                            "properties": {"runAsNonRoot": {"const": True}},
                            "required": ["runAsNonRoot"],
                        },
                        "containers": {"type": "array", "minItems": 1, "items": CONTAINER},
                    },
                }
            },
        },
    },
}
"""The keys of the chart gha-runner-scale-set, and what Arborist asks of the pod."""


def test_the_values_are_those_of_the_chart() -> None:
    found = jsonschema.Draft202012Validator(SCHEMA).iter_errors(VALUES)
    assert [error.message for error in found] == []


def test_each_volume_that_is_mounted_is_there_and_what_outlives_a_job_is_read_only() -> None:
    spec = VALUES["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    mounts = spec["containers"][0]["volumeMounts"]
    assert {mount["name"] for mount in mounts} == set(volumes)
    kept = {mount["name"] for mount in mounts if "emptyDir" not in volumes[mount["name"]]}
    assert [mount["readOnly"] for mount in mounts if mount["name"] in kept] == [True]
    assert all("sizeLimit" in volume["emptyDir"] for volume in volumes.values() if "emptyDir" in volume)


@pytest.mark.parametrize("key", ["activeDeadlineSeconds", "securityContext"])
def test_values_without_an_end_or_with_root_do_not_pass(key: str) -> None:
    broken = copy.deepcopy(VALUES)
    del broken["template"]["spec"][key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**VALUES, "minRunner": 1}, SCHEMA)
