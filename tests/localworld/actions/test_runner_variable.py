"""The jobs that need a GPU run where the repository's variable ARBORIST_RUNNER says."""

import json

import pytest
import yaml

from tests import ROOT
from tests.helpers.local_actions import ON, Lab, run, steps


def stated(name: str) -> str:
    """`runs-on` of a shipped workflow's only job."""
    text = (ROOT / ".github" / "workflows" / name).read_text()
    [job] = yaml.safe_load(text)["jobs"].values()
    return json.dumps(job["runs-on"])


@pytest.mark.parametrize("name", ["sample.yml", "retrain.yml"])
@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        ("", ""),
        ('["self-hosted", "linux", "x64"]', ""),
        ('{"group": "gpus", "labels": ["gpu"]}', ""),
        ('"a100"', "no local runner has the label a100"),
    ],
)
def test_it_runs_on_what_the_variable_says(lab: Lab, name: str, value: str, refusal: str) -> None:
    jobs = steps("true", runs_on=stated(name))
    repository = lab.repository(work=f"{ON}jobs:\n{jobs}")
    if value:
        repository.create_variable("ARBORIST_RUNNER", value)
    done = run(lab, repository)
    assert done.conclusion == ("failure" if refusal else "success")
    assert refusal in lab.log(done)
