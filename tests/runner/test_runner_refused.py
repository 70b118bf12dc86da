"""What GitHub or the machine refuses is one line; what passes by itself is tried again."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.helpers.job_runner import LABEL, WAIT_S, Workplace, copy_of_software, until, workflow
from tests.helpers.local_actions import Lab

SHORT = workflow("echo it works")
REGISTER = "/generate-jitconfig"
IDLE = ("--idle-minutes", "0.02")


class Unwell:
    """Stands before the local GitHub and answers requests for a registration with faults, before it is well.

    Attributes:
        faults: status and message of each; (0, "") carries the request out twice, as for two machines.
    """

    def __init__(self, app: ASGIApp, faults: list[tuple[int, str]]) -> None:
        self.app, self.faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not (self.faults and scope["path"].endswith(REGISTER)):
            await self.app(scope, receive, send)
            return
        status, message = self.faults.pop(0)
        if status:
            body = json.dumps({"message": message}).encode()
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": body})
            return
        content = await receive()

        async def again() -> object:
            return content

        async def unheard(_: object) -> None:
            pass

        await self.app(scope, again, unheard)  # type: ignore[arg-type]
        await self.app(scope, again, send)  # type: ignore[arg-type]


@pytest.fixture
def unwell(lab: Lab) -> Iterator[Callable[..., None]]:
    """unwell(fault, …): GitHub answers the first requests for a registration so."""
    well = lab.application
    yield lambda *faults: setattr(lab, "application", Unwell(well, list(faults)))
    lab.application = well


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"GITHUB_TOKEN": "wrong"}, "GitHub answered 401: the token in GITHUB_TOKEN is wrong or expired"),
        ({"GITHUB_REPOSITORY": "lab/none"}, "reading lab/none: GitHub answered 404: Not Found"),
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN not set: name the repository (owner/name) and give a token"),
    ],
)
def test_a_token_or_repository_that_is_wrong_is_one_line(
    workplace: Callable[..., Workplace], environment: dict[str, str], expected: str
) -> None:
    code, said = workplace(short=SHORT).machine.run(**environment)
    assert code == 2
    assert len(said.splitlines()) == 1, said
    [line] = said.splitlines()
    assert expected in line


def test_a_token_without_the_right_to_register_is_one_line(workplace: Callable[..., Workplace]) -> None:
    place = workplace(short=SHORT)
    place.lab.github.add_collaborator(place.repository.full_name, "contributor", "write")
    code, said = place.machine.run(GITHUB_TOKEN="token-of-contributor")
    assert (code, len(said.splitlines())) == (2, 1), said
    assert (
        f"registering a runner for {place.repository.full_name}: GitHub answered 404: it does not exist, or "
        "the token in GITHUB_TOKEN lacks the permission Administration: write"
    ) in said


def test_labels_and_groups_that_github_refuses_are_one_line(workplace: Callable[..., Workplace]) -> None:
    place = workplace(short=SHORT)
    many = [word for number in range(100) for word in ("--label", f"x{number}")]
    code, said = place.machine.run(*many)
    assert (code, said.splitlines()) == (
        2,
        [
            f"arborist: registering a runner for {place.repository.full_name}: GitHub answered 422: "
            "Validation Failed; labels must be a list of 1 to 100 strings"
        ],
    )
    code, said = place.machine.run("--group", "gpus")
    assert (code, len(said.splitlines())) == (2, 1)
    assert f"--group gpus: {place.repository.full_name} may use no such runner group" in said


def test_a_runner_of_a_group_is_the_organizations_and_takes_a_job(
    workplace: Callable[..., Workplace],
) -> None:
    place = workplace(short=SHORT)
    organization = place.lab.client("maintainer").get_organization("lab")
    values = {"name": "GPUs", "visibility": "all", "allows_public_repositories": True}
    organization.requester.requestJsonAndCheck("POST", "/orgs/lab/actions/runner-groups", input=values)
    process = place.machine.start("--group", "gpus")

    def of_the_organization() -> bool:
        runners = organization.requester.requestJsonAndCheck("GET", "/orgs/lab/actions/runners")[1]["runners"]
        return any(one["status"] == "online" and one["ephemeral"] for one in runners)

    until(of_the_organization, "the organization has a runner")
    place.repository.get_workflow("short.yml").create_dispatch("main")
    said, _ = process.communicate(timeout=WAIT_S)
    place.lab.idle()
    assert "of the organization lab waits for a job" in said
    assert place.repository.get_workflow_runs()[0].conclusion == "success"
    assert not of_the_organization()


def test_github_that_is_down_is_asked_again(
    workplace: Callable[..., Workplace], unwell: Callable[..., None]
) -> None:
    place = workplace(short=SHORT)
    unwell((502, "Bad Gateway"), (503, "Unavailable"))
    code, said = place.machine.run(*IDLE)
    assert (code, said.splitlines()[:2]) == (
        0,
        ["GitHub answered 502; trying again in 1 s", "GitHub answered 503; trying again in 2 s"],
    )


def test_a_name_that_is_taken_is_replaced(
    workplace: Callable[..., Workplace], unwell: Callable[..., None]
) -> None:
    place = workplace(short=SHORT)
    unwell((0, ""))
    code, said = place.machine.run(*IDLE)
    assert code == 0, said
    assert len(place.runners()) == 1, "the other's registration stays until the next start"
    assert place.machine.run(*IDLE)[0] == 0
    assert place.runners() == {}


def test_the_labels_come_from_the_variable_that_workflows_read(
    lab: Lab, workplace: Callable[..., Workplace]
) -> None:
    place = workplace(short=SHORT)
    lab.actions.set_variable(place.repository.full_name, "ARBORIST_RUNNER", f'["self-hosted", "{LABEL}"]')
    _, said = place.machine.run(*IDLE, labels=())
    assert f"waits for a job (self-hosted, {LABEL})" in said
    _, said = place.machine.run(*IDLE, labels=(), ARBORIST_RUNNER_LABEL="self-hosted store")
    assert "waits for a job (self-hosted, store)" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--software", "/nowhere"], "--software /nowhere: no run.sh there; unpack GitHub's runner"),
        (["--read-only", "/nowhere"], "--read-only /nowhere: no such file or folder"),
        (["--read-only", "/tmp"], "--read-only /tmp: a job has its own /tmp and /var/tmp; move it elsewhere"),
    ],
)
def test_a_machine_that_is_not_ready_is_one_line_before_anything_is_registered(
    workplace: Callable[..., Workplace], options: list[str], expected: str
) -> None:
    place = workplace(short=SHORT)
    code, said = place.machine.run(*options)
    assert (code, len(said.splitlines())) == (2, 1)
    assert expected in said
    assert place.runners() == {}


def test_without_bubblewrap_or_namespaces_the_reason_is_one_line(
    workplace: Callable[..., Workplace], tmp_path: Path
) -> None:
    place = workplace(short=SHORT)
    code, said = place.machine.run(PATH="/nowhere")
    assert (code, said) == (2, "arborist: bwrap is not installed: install the package `bubblewrap`\n")
    refusing = tmp_path / "bin" / "bwrap"
    refusing.parent.mkdir()
    refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    refusing.chmod(0o755)
    code, said = place.machine.run(PATH=f"{refusing.parent}{os.pathsep}{os.environ['PATH']}")
    assert (code, len(said.splitlines())) == (2, 1)
    assert "no job can be isolated here: bwrap: No permissions to create a new namespace" in said
    assert place.runners() == {}


def test_a_program_that_ends_without_a_job_is_told_and_its_runner_removed(
    workplace: Callable[..., Workplace], tmp_path: Path
) -> None:
    place = workplace(short=SHORT)
    software = copy_of_software(tmp_path / "software", "#!/bin/sh\necho this version is too old\nexit 3\n")
    code, said = place.machine.run("--software", str(software))
    assert code == 2
    assert "this version is too old" in said
    assert said.splitlines()[-1] == (
        f"arborist: {software}/run.sh ended with code 3 before it took a job; its lines are above"
    )
    assert place.runners() == {}
    shutil.rmtree(software)
