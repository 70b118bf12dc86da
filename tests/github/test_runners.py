"""The runner in an organization's runner group, which may be bound to named workflows.

The local GitHub has no runner groups, so a small server answers here, in the form of GitHub's description.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from github import Auth, Github
from github.Repository import Repository
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.github.repository_settings import approval
from bot.github.runners import bound_group, look
from tests.helpers.local_github import Server

GPUS = {
    "id": 2,
    "name": "gpus",
    "restricted_to_workflows": True,
    "selected_workflows": ["lab/taxonomy/x.yml@main"],
}
RUNNER = {"id": 7, "name": "h200", "os": "linux", "status": "online", "busy": False, "ephemeral": True}
Made = Callable[..., Repository]


@pytest.fixture
def made(server: Server) -> Iterator[Made]:
    """made(group, labels, variable): a repository of an organization with one runner, in a group."""
    before = server.application

    def make(group: dict[str, Any], labels: list[str], variable: str, status: int = 200) -> Repository:
        def answer(request: Request) -> JSONResponse:
            path = request.path_params["path"]
            base = f"{server.url}/repos/lab/taxonomy"
            shown = [{"id": number, "name": label, "type": "custom"} for number, label in enumerate(labels)]
            answers: dict[str, Any] = {
                "repos/lab/taxonomy": {
                    "name": "taxonomy",
                    "url": base,
                    "owner": {"login": "lab", "type": "Organization"},
                },
                "repos/lab/taxonomy/actions/variables/ARBORIST_RUNNER": {
                    "name": "ARBORIST_RUNNER",
                    "value": variable,
                },
                "repos/lab/taxonomy/actions/runners": {"total_count": 0, "runners": []},
                "repos/lab/taxonomy/actions/permissions/fork-pr-contributor-approval": {
                    "approval_policy": "first_time_contributors"
                },
                "orgs/lab/actions/runner-groups": {"total_count": 1, "runner_groups": [group]},
                "orgs/lab/actions/runner-groups/2/runners": {
                    "total_count": 1,
                    "runners": [{**RUNNER, "labels": shown}],
                },
            }
            refused = status != 200 and path.startswith("orgs/")
            return JSONResponse({"message": "no"}, status) if refused else JSONResponse(answers[path])

        server.application = Starlette(routes=[Route("/{path:path}", answer)])
        client = Github(base_url=server.url, auth=Auth.Token("x"), retry=None)
        return client.get_repo("lab/taxonomy")

    yield make
    server.application = before


def test_a_runner_of_a_group_is_found_by_the_groups_name_and_its_labels(made: Made) -> None:
    [found] = look(made(GPUS, ["self-hosted", "gpu"], '{"group": "GPUs", "labels": "gpu"}'))
    assert (found.state, found.what) == ("ok", "online: h200 (gpu in the group GPUs)")
    [found] = look(made(GPUS, ["self-hosted"], '{"group": "gpus", "labels": "gpu"}'))
    assert found.state == "missing"
    [found] = look(made(GPUS, ["self-hosted", "gpu"], '{"group": "others"}'))
    assert found.state == "missing"


def test_an_organizations_runner_is_found_by_labels_alone(made: Made) -> None:
    [found] = look(made(GPUS, ["self-hosted", "gpu"], '["self-hosted", "gpu"]'))
    assert found.what == "online: h200 (self-hosted, gpu)"


def test_groups_that_the_token_may_not_see_are_none(made: Made) -> None:
    [found] = look(made(GPUS, ["self-hosted", "gpu"], '["self-hosted", "gpu"]', status=403))
    assert found.state == "missing"


@pytest.mark.parametrize(
    ("group", "variable", "state"),
    [
        (GPUS, '{"group": "gpus"}', "ok"),
        (GPUS, '["gpu"]', "missing"),
        ({**GPUS, "restricted_to_workflows": False}, '{"group": "gpus"}', "missing"),
        ({**GPUS, "selected_workflows": []}, '{"group": "gpus"}', "missing"),
    ],
)
def test_a_group_bound_to_workflows_takes_the_place_of_approval(
    made: Made, group: dict[str, Any], variable: str, state: str
) -> None:
    repository = made(group, ["gpu"], variable)
    assert bool(bound_group(repository)) == (state == "ok")
    assert approval(repository).state == state
