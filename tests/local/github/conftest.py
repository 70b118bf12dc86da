"""A fresh local GitHub for each test, under GitHub's own contract."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from github.PullRequest import PullRequest

from tests.contract.plugin import Watch
from tests.local.github.local_github import TAXONOMY, Clone, LocalGitHub, Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server that each test's GitHub is put into."""
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def lab(tmp_path: Path, contract: Watch, server: Server) -> Iterator[LocalGitHub]:
    """A served GitHub; every exchange is held against GitHub's description."""
    served = LocalGitHub(tmp_path / "github", contract, server)
    yield served
    served.stop()


@pytest.fixture
def clone(lab: LocalGitHub, tmp_path: Path) -> Callable[..., Clone]:
    """clone(login, repository): somebody's clone."""

    def make(login: str, repository: str = TAXONOMY) -> Clone:
        folder = tmp_path / "clones" / login / repository
        return Clone(folder, f"{lab.url}/{repository}", login, lab.token(login))

    return make


@pytest.fixture
def proposal(lab: LocalGitHub, clone: Callable[..., Clone]) -> tuple[PullRequest, Clone]:
    """The contributor's pull request from a fork, with one commit that adds a leaf, and their clone."""
    lab.as_("contributor").create_fork()
    mine = clone("contributor", "contributor/taxonomy")
    mine.git("checkout", "--quiet", "-b", "leaf")
    mine.commit("Add a leaf", taxonomy__leaf__qna="version: 3\n")
    mine.git("push", "--quiet", "origin", "leaf")
    pull = lab.as_("contributor").create_pull(
        base="main", head="contributor:leaf", title="A new leaf", body="It teaches."
    )
    return pull, mine
