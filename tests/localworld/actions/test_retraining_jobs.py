"""Which jobs of a retraining run, by the shipped file's own conditions."""

import pytest
import yaml

from tests import ROOT
from tests.helpers.local_actions import ON, Lab, run

SHIPPED = yaml.safe_load((ROOT / ".github/workflows/retrain.yml").read_text())["jobs"]


@pytest.mark.parametrize(
    ("train", "announce", "expected"),
    [
        ("false", "false", ["decide"]),
        ("false", "true", ["decide", "announce"]),
        ("true", "false", ["decide", "train", "publish", "announce"]),
    ],
)
def test_no_job_runs_for_nothing_and_an_announcement_is_completed(
    lab: Lab, train: str, announce: str, expected: list[str]
) -> None:
    outputs = {"decide": f"train={train}\nannounce={announce}\n", "train": "candidate=1\n"}
    jobs = {
        name: {
            **{key: job[key] for key in ("needs", "if", "outputs") if key in job},
            "runs-on": "ubuntu-latest",
            "steps": [{"id": name, "run": f"printf '{outputs.get(name, '')}' >>\"$GITHUB_OUTPUT\""}],
        }
        for name, job in SHIPPED.items()
    }
    done = run(lab, lab.repository(work=ON + yaml.safe_dump({"jobs": jobs})))
    conclusions = {job.name: job.conclusion for job in done.jobs()}
    assert done.conclusion == "success"
    assert conclusions == {name: "success" if name in expected else "skipped" for name in SHIPPED}
