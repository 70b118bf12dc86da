"""A local GitHub with Actions, served over HTTP, watched from both sides, for PyGithub to talk to."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from github import Auth, Github

from localworld.actions import Actions
from localworld.github import GitHub, create_app
from tests.contract.plugin import Watch

WORKFLOW = """\
name: lint
on:
  workflow_dispatch:
    inputs: {code: {required: true}}
permissions: {contents: read}
jobs:
  look:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo "::error file=README.md,line=1::not good"
          exit ${{ inputs.code }}
"""


@dataclass
class Lab:
    """The repository lab/taxonomy, of which alice is admin; bob and arborist[bot] have no role in it."""

    github: GitHub
    actions: Actions

    def user(self, login: str) -> Github:
        """PyGithub as one of them."""
        return Github(
            base_url=self.github.api_url,
            auth=Auth.Token(f"token-{login}"),
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, contract: Watch) -> Iterator[Lab]:
    """Served until the module's tests are over."""
    data = tmp_path_factory.mktemp("lab")
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    github = contract.watch(GitHub(data / "github", f"http://127.0.0.1:{listening.getsockname()[1]}"))
    actions = Actions(github, data / "actions", environment={})
    for login in ("alice", "bob", "arborist[bot]"):
        github.create_user(login, token=f"token-{login}", bot=login.endswith("[bot]"))
    github.create_organization("lab")
    github.create_repository("lab", "taxonomy", description="What the model knows")
    github.add_collaborator("lab/taxonomy", "alice", "admin")
    _push(data / "clone", github.repo_path("lab/taxonomy"))
    application = create_app(github, extra_routes=actions.routes, middleware=contract.middleware)
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    actions.start()
    yield Lab(github, actions)
    actions.stop()
    server.should_exit = True
    thread.join(10)


def _push(clone: Path, bare: Path) -> None:
    """A first commit: a README, and the workflow."""
    (clone / ".github" / "workflows").mkdir(parents=True)
    (clone / ".github" / "workflows" / "lint.yml").write_text(WORKFLOW)
    (clone / "README.md").write_text("# Taxonomy\n")
    who = ["-c", "user.name=alice", "-c", "user.email=alice@example.org"]
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        [*who, "commit", "--quiet", "--message=The taxonomy"],
        ["push", "--quiet", str(bare), "main"],
    ):
        subprocess.run(["git", *command], cwd=clone, check=True)
