"""A local GitHub with Actions in a thread, with repositories that hold the workflows of a test."""

import itertools
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import requests
import uvicorn
from github import Auth, Github
from github.PullRequest import PullRequest
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun
from starlette.types import ASGIApp, Receive, Scope, Send

from localworld.actions import Actions
from localworld.github import GitHub, create_app
from localworld.github.git import Signature
from tests.contract.plugin import Watch

PEOPLE = ("maintainer", "contributor")
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
PYTHON = "actions/setup-python@ece7cb06caefa5fff74198d8649806c4678c61a1"
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
UPLOAD = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a"
ON = "on: {workflow_dispatch: {}, workflow_call: {}}\n"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"


class Lab:
    """A served GitHub with Actions.

    Args:
        data: its folder; taken up again if it is there.
        contract: GitHub's own description; every exchange and event is held against it.
        port: where to serve; a free port if 0.

    Attributes:
        application: what answers; tests put faults before it.
    """

    def __init__(self, data: Path, contract: Watch, port: int = 0) -> None:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(64)
        self.port = listening.getsockname()[1]
        self.github = contract.watch(GitHub(data / "github", f"http://127.0.0.1:{self.port}"))
        self.actions = Actions(self.github, data / "actions", environment={"GIVEN": "by us"})
        self.application: ASGIApp = create_app(
            self.github, extra_routes=self.actions.routes, middleware=contract.middleware
        )
        config = uvicorn.Config(self._serve, interface="asgi3", log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self._names = (f"repository-{number}" for number in itertools.count())
        if self.github.user("lab") is None:
            self.github.create_organization("lab")
            for login in PEOPLE:
                self.github.create_user(login, token=f"token-of-{login}")
        self.actions.start()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.application(scope, receive, send)

    def stop(self) -> None:
        """End the runs and the server."""
        self.actions.stop()
        self._server.should_exit = True
        self._thread.join(10)
        self.github.db.close()

    def client(self, login: str, token: str = "") -> Github:
        """PyGithub as somebody."""
        return Github(
            base_url=self.github.api_url,
            auth=Auth.Token(token or f"token-of-{login}"),
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def repository(self, files: dict[str, str] | None = None, **workflows: str) -> Repository:
        """A new repository with these workflow files, as its maintainer sees it; making it starts nothing."""
        name = next(self._names)
        self.github.create_repository("lab", name)
        full_name = f"lab/{name}"
        self.github.add_collaborator(full_name, "maintainer", "admin")
        written = {f".github/workflows/{key}.yml": f"name: {key}\n{text}" for key, text in workflows.items()}
        git = self.github.git(full_name)
        blobs = {
            path: ("100644", git.write_blob(text.encode()))
            for path, text in {"README.md": "# Here\n", **(files or {}), **written}.items()
        }
        who = Signature("maintainer", "maintainer@localhost", "2026-01-01T00:00:00Z")
        commit = git.write_commit(git.write_tree(None, blobs), [], "First", who)
        git.set_ref("refs/heads/main", commit)
        return self.client("maintainer").get_repo(full_name)

    def change(self, repository: Repository, branch: str, files: dict[str, str]) -> None:
        """A new branch, with one commit for each file."""
        repository.create_git_ref(f"refs/heads/{branch}", repository.get_branch("main").commit.sha)
        for path, text in files.items():
            repository.create_file(path, f"Add {path}", text, branch=branch)

    def pull(self, repository: Repository, files: dict[str, str], branch: str = "change") -> PullRequest:
        """A pull request within the repository."""
        self.change(repository, branch, files)
        return repository.create_pull(base="main", head=branch, title="A change")

    def fork_pull(
        self, repository: Repository, files: dict[str, str], *, approved: bool = True
    ) -> PullRequest:
        """A pull request of the contributor's from a fork; the maintainer approves its runs, or not."""
        theirs = self.client("contributor").get_repo(repository.full_name)
        self.change(theirs.create_fork(), "change", files)
        pull = theirs.create_pull(base="main", head="contributor:change", title="A change")
        if approved:
            self.approve(repository)
        return pull

    def approve(self, repository: Repository, login: str = "maintainer") -> list[int]:
        """Approve all runs that wait for it; returns the HTTP statuses."""
        held = repository.get_workflow_runs(status="action_required")
        return [self.post(f"{run.url}/approve", login) for run in held]

    def post(self, url: str, login: str) -> int:
        """POST without a body as somebody; returns the HTTP status."""
        headers = {"Authorization": f"Bearer token-of-{login}"}
        return requests.post(url, headers=headers, timeout=10).status_code

    def put(
        self, repository: Repository, path: str, values: dict[str, Any], login: str = "maintainer"
    ) -> int:
        """PUT below the repository as somebody; returns the HTTP status."""
        url = f"{self.github.api_url}/repos/{repository.full_name}/{path}"
        headers = {"Authorization": f"Bearer token-of-{login}"}
        return requests.put(url, json=values, headers=headers, timeout=10).status_code

    def idle(self) -> None:
        """Wait until nothing runs."""
        self.actions.wait_idle(60)

    def wait(self, repository: Repository, status: str, count: int = 1) -> list[WorkflowRun]:
        """Wait until so many runs have a status; returns them, the newest first."""
        for _ in range(600):
            found = [run for run in repository.get_workflow_runs() if run.status == status]
            if len(found) >= count:
                return found
            time.sleep(0.05)
        raise AssertionError(f"no {count} runs are {status}")

    def wait_output(self, text: str) -> None:
        """Wait until a step that runs has printed this last."""
        for _ in range(600):
            if any(run.last_line == text for run in self.actions._dispatcher.running.values()):
                return
            time.sleep(0.05)
        raise AssertionError(f"nobody said {text}")

    def results(self, run: WorkflowRun) -> dict[str, str | None]:
        """The conclusions of a run's jobs by name."""
        return {job.name: job.conclusion for job in run.jobs()}

    def log(self, run: WorkflowRun) -> str:
        """What all jobs of a run said, without the times."""
        texts = [requests.get(job.logs_url(), timeout=10).text for job in run.jobs()]
        return "\n".join(line.partition(" ")[2] for text in texts for line in text.splitlines())

    def page(self, run: WorkflowRun) -> str:
        """A run's page for people."""
        return requests.get(run.html_url, timeout=10).text

    def api(self, repository: Repository, path: str, **query: Any) -> Any:
        """GET below the repository, as its maintainer."""
        url = f"{self.github.api_url}/repos/{repository.full_name}/{path}"
        headers = {"Authorization": "Bearer token-of-maintainer"}
        return requests.get(url, params=query, headers=headers, timeout=10).json()


def only(runs: Any) -> WorkflowRun:
    """The only run of a list."""
    (run,) = runs
    assert isinstance(run, WorkflowRun)
    return run


def steps(*commands: str, job: str = "work", **settings: str) -> str:
    """A job that runs commands, as YAML below `jobs:`."""
    stated = "".join(f"    {name.replace('_', '-')}: {value}\n" for name, value in settings.items())
    lines = "".join(f"      - run: |\n          {command}\n" for command in commands)
    runs_on = "" if "runs_on" in settings else "    runs-on: ubuntu-latest\n"
    return f"  {job}:\n{runs_on}{stated}    steps:\n{lines}"


def run(lab: Lab, repository: Repository, name: str = "work") -> WorkflowRun:
    """A workflow, dispatched and ended."""
    assert repository.get_workflow(f"{name}.yml").create_dispatch("main")
    lab.idle()
    return repository.get_workflow_runs()[0]
