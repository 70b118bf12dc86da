"""Just-in-time runners and runner groups, as those who set up machines ask for them."""

import base64
import json
from typing import Any

import requests

from tests.helpers.local_actions import Lab, steps

WORKFLOW = f"on: push\njobs:\n{steps('true')}"
GPU = {"name": "gpu-1", "runner_group_id": 1, "labels": ["self-hosted", "gpu"]}


def ask(lab: Lab, method: str, path: str, login: str = "maintainer", **values: Any) -> tuple[int, Any]:
    """A request to the API, and what came of it."""
    headers = {"Authorization": f"Bearer token-of-{login}"}
    answer = requests.request(
        method, f"{lab.github.api_url}{path}", json=values or None, headers=headers, timeout=10
    )
    return answer.status_code, answer.json() if answer.content else None


def decoded(text: str) -> Any:
    return json.loads(base64.b64decode(text))


def test_a_just_in_time_runner_is_registered_for_one_job_and_removed_again(lab: Lab) -> None:
    runners = f"/repos/{lab.repository(work=WORKFLOW).full_name}/actions/runners"
    status, made = ask(lab, "POST", f"{runners}/generate-jitconfig", **GPU, work_folder="_scratch")
    assert status == 201
    assert (made["runner"]["name"], made["runner"]["ephemeral"]) == ("gpu-1", True)
    assert made["runner"]["status"] == "offline"
    settings = decoded(decoded(made["encoded_jit_config"])[".runner"])
    assert (settings["AgentName"], settings["WorkFolder"]) == ("gpu-1", "_scratch")
    assert ask(lab, "POST", f"{runners}/generate-jitconfig", **GPU)[0] == 409
    one = f"{runners}/{made['runner']['id']}"
    assert [label["name"] for label in ask(lab, "GET", one)[1]["labels"]] == ["self-hosted", "gpu"]
    assert [runner["name"] for runner in ask(lab, "GET", runners)[1]["runners"]] == ["local", "gpu-1"]
    assert ask(lab, "DELETE", one)[0] == 204
    assert ask(lab, "GET", one)[0] == 404
    assert ask(lab, "DELETE", f"{runners}/1")[0] == 422


def test_what_is_missing_or_unknown_is_refused(lab: Lab) -> None:
    path = f"/repos/{lab.repository(work=WORKFLOW).full_name}/actions/runners/generate-jitconfig"
    for missing in GPU:
        given = {name: value for name, value in GPU.items() if name != missing}
        assert ask(lab, "POST", path, **given)[0] == 422, missing
    assert ask(lab, "POST", path, **{**GPU, "labels": ["x"] * 101})[0] == 422
    assert ask(lab, "POST", path, **{**GPU, "runner_group_id": 7})[0] == 404
    assert ask(lab, "POST", path, "contributor", **GPU)[0] == 404


def test_an_organizations_group_can_be_bound_to_workflows(lab: Lab) -> None:
    name = lab.repository(work=WORKFLOW).full_name
    workflow = f"{name}/.github/workflows/work.yml@refs/heads/main"
    groups = "/orgs/lab/actions/runner-groups"
    bound = {"restricted_to_workflows": True, "selected_workflows": [workflow]}
    status, made = ask(lab, "POST", groups, name="gpus", visibility="all", **bound)
    assert (status, made["restricted_to_workflows"], made["selected_workflows"]) == (201, True, [workflow])
    listed = ask(lab, "GET", groups)[1]["runner_groups"]
    assert [(group["name"], group["default"]) for group in listed] == [("Default", True), ("gpus", False)]
    seen = f"{groups}?visible_to_repository={name.partition('/')[2]}"
    assert ask(lab, "GET", seen)[1]["runner_groups"] == []  # the repository is public
    public = {"name": "gpus", "allows_public_repositories": True}
    assert ask(lab, "PATCH", f"{groups}/{made['id']}", **public)[0] == 200
    assert [group["name"] for group in ask(lab, "GET", seen)[1]["runner_groups"]] == ["gpus"]
    jit = {**GPU, "runner_group_id": made["id"]}
    status, runner = ask(lab, "POST", "/orgs/lab/actions/runners/generate-jitconfig", **jit)
    assert status == 201
    in_group = ask(lab, "GET", f"{groups}/{made['id']}/runners")[1]["runners"]
    assert [one["id"] for one in in_group] == [runner["runner"]["id"]]
    assert ask(lab, "PATCH", f"{groups}/{made['id']}", name="gpus", restricted_to_workflows=False)[0] == 200
    assert ask(lab, "GET", f"{groups}/{made['id']}")[1]["restricted_to_workflows"] is False
    assert ask(lab, "DELETE", f"{groups}/{made['id']}")[0] == 204
    assert ask(lab, "GET", f"/orgs/lab/actions/runners/{runner['runner']['id']}")[1]["runner_group_id"] == 1
    assert ask(lab, "GET", groups, "contributor")[0] == 403
    assert ask(lab, "GET", "/orgs/nobody/actions/runner-groups")[0] == 404
