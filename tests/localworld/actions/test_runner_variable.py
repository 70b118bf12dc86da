"""The jobs that need a GPU run where the repository's variable ARBORIST_RUNNER says."""

import json

import pytest
import yaml

from tests import ROOT
from tests.helpers.local_actions import ON, Lab, run, steps


def stated(name: str) -> str:
    """`runs-on` of a shipped workflow's job."""
    file, job = name.split("/")
    text = (ROOT / ".github" / "workflows" / file).read_text()
    return json.dumps(yaml.safe_load(text)["jobs"][job]["runs-on"])


@pytest.mark.parametrize("name", ["sample.yml/sample", "draft.yml/draft", "retrain.yml/train"])
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


@pytest.mark.parametrize(
    ("value", "kind"), [("", "github-hosted"), ('["self-hosted", "store"]', "self-hosted")]
)
def test_the_job_that_publishes_runs_where_the_store_can_be_read(lab: Lab, value: str, kind: str) -> None:
    jobs = steps('echo "on $RUNNER_ENVIRONMENT"', runs_on=stated("retrain.yml/publish"))
    repository = lab.repository(work=f"{ON}jobs:\n{jobs}")
    if value:
        repository.create_variable("ARBORIST_PUBLISHER", value)
    done = run(lab, repository)
    assert done.conclusion == "success"
    assert f"on {kind}" in lab.log(done)
