"""A fresh local GitHub for each test, under GitHub's own contract; what many begin with is made once."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from github.PullRequest import PullRequest

from localworld.github import Event
from tests.contract.plugin import Watch
from tests.helpers.local_github import TAXONOMY, Clone, LocalGitHub, Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server that each test's GitHub is put into."""
    running = Server()
    yield running
    running.stop()


@dataclass(frozen=True)
class Beginning:
    """A folder with a GitHub's data (`github`), maybe a clone (`clone`), and the events up to then."""

    folder: Path
    events: tuple[Event, ...] = ()


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory, contract: Watch, server: Server) -> Beginning:
    """The repository and its people."""
    folder = tmp_path_factory.mktemp("settled")
    LocalGitHub(folder / "github", contract, server).stop()
    return Beginning(folder)


@pytest.fixture(scope="session")
def proposed(
    tmp_path_factory: pytest.TempPathFactory, contract: Watch, server: Server, settled: Beginning
) -> Beginning:
    """A pull request from the contributor's fork, with one commit that adds a leaf."""
    folder = tmp_path_factory.mktemp("proposed")
    shutil.copytree(settled.folder / "github", folder / "github")
    lab = LocalGitHub(folder / "github", contract, server)
    lab.as_("contributor").create_fork()
    address = f"{lab.url}/contributor/taxonomy"
    mine = Clone.make(folder / "clone", address, "contributor", lab.token("contributor"))
    mine.git("checkout", "--quiet", "-b", "leaf")
    mine.commit("Add a leaf", taxonomy__leaf__qna="version: 3\n")
    mine.git("push", "--quiet", "origin", "leaf")
    lab.as_("contributor").create_pull(
        base="main", head="contributor:leaf", title="A new leaf", body="It teaches."
    )
    lab.stop()
    return Beginning(folder, tuple(lab.events))


@pytest.fixture
def lab(
    request: pytest.FixtureRequest, tmp_path: Path, contract: Watch, server: Server
) -> Iterator[LocalGitHub]:
    """A served GitHub; every exchange is held against GitHub's description."""
    begun = request.getfixturevalue("proposed" if "proposal" in request.fixturenames else "settled")
    shutil.copytree(begun.folder, tmp_path, dirs_exist_ok=True)
    served = LocalGitHub(tmp_path / "github", contract, server, begun.events)
    yield served
    served.stop()


@pytest.fixture
def clone(lab: LocalGitHub, tmp_path: Path) -> Callable[..., Clone]:
    """clone(login, repository): somebody's clone."""

    def make(login: str, repository: str = TAXONOMY) -> Clone:
        folder = tmp_path / "clones" / login / repository
        return Clone.make(folder, f"{lab.url}/{repository}", login, lab.token(login))

    return make


@pytest.fixture
def proposal(lab: LocalGitHub, tmp_path: Path) -> tuple[PullRequest, Clone]:
    """The contributor's pull request, and their clone."""
    return lab.as_("contributor").get_pull(1), Clone(tmp_path / "clone", "contributor")
