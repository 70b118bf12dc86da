"""The pods in what is shipped for Kubernetes, by Kubernetes' own schemas."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests import ROOT

FOLDERS = ("runners", "docs/examples")
CONTAINER = {"name": "runner", "image": "arborist"}


def pods(data: Any) -> Iterator[Any]:
    """The specifications of pods anywhere in a document: a manifest, a chart's values, a custom resource."""
    if isinstance(data, dict):
        if isinstance(data.get("containers"), list):
            yield data
        for value in data.values():
            yield from pods(value)
    elif isinstance(data, list):
        for value in data:
            yield from pods(value)


def shipped() -> Iterator[tuple[Path, Any]]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).glob("*.yaml")):
            for document in yaml.safe_load_all(file.read_text()):
                yield from ((file, pod) for pod in pods(document))


def validate(spec: Any) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "arborist"}, "spec": spec}
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def test_each_pod_is_valid() -> None:
    for file, spec in shipped():
        try:
            validate(spec)
        except kubernetes_validate.ValidationError as error:
            pytest.fail(f"{file.relative_to(ROOT)}: {error.message}")


@pytest.mark.parametrize("mistake", [{"restartPolicies": "Never"}, {"activeDeadlineSeconds": "soon"}])
def test_a_mistake_would_be_found(mistake: dict[str, Any]) -> None:
    validate({"containers": [CONTAINER]})
    with pytest.raises(kubernetes_validate.ValidationError):
        validate({"containers": [CONTAINER], **mistake})
