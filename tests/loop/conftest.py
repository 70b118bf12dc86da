"""The local world in the test's own process, so that every exchange with its GitHub is checked."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from localworld.world import World
from tests import ROOT
from tests.contract.plugin import Watch
from tests.groups import TOOL_CACHE
from tests.helpers.loop import HANDBOOK_MODEL, approve_at_once, git, push, repository
from tests.package.plugin import Installed


class Counted:
    """Counts the requests of each token to the API."""

    def __init__(self, app: ASGIApp, counts: Counter[str]) -> None:
        self.app, self.counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/v3"):
            given = dict(scope["headers"]).get(b"authorization", b"").decode()
            self.counts[given.partition(" ")[2]] += 1
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def counts() -> Counter[str]:
    """How many requests each token has made."""
    return Counter()


@pytest.fixture
def requests_of_a_run(counts: Counter[str], world: dict[str, Any]) -> Callable[[], int]:
    """The most requests that one workflow run has made so far."""
    people = set(world["tokens"].values())
    return lambda: max(count for token, count in counts.items() if token not in people)


@pytest.fixture(scope="session")
def tool_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GitHub's machines' tool cache in all worlds: the first job of each commit installs the bot there.

    Groups of tests that run at the same time share one; see `tests.groups`.
    """
    shared = os.environ.get(TOOL_CACHE)
    return Path(shared) if shared else tmp_path_factory.mktemp("tool-cache")


@pytest.fixture(scope="module")
def approving() -> bool:
    """Whether a maintainer approves outsiders' workflow runs at once; a module may say otherwise."""
    return True


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
    contract: Watch,
    counts: Counter[str],
    approving: bool,
    tool_cache: Path,
    project: Path,
) -> Iterator[World]:
    """A world that is up."""
    middleware = (*contract.middleware, Middleware(Counted, counts=counts))
    running = World(tmp_path_factory.mktemp("world"), project, middleware=middleware, tool_cache=tool_cache)
    contract.watch(running.github)
    running.start()
    if approving:
        approve_at_once(running)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def world(served: World) -> dict[str, Any]:
    """What `localworld up` prints."""
    return served.address()


@pytest.fixture(scope="module")
def handbook(served: World, world: dict[str, Any]) -> dict[str, Any]:
    """The world as the owners of another repository than arborist's see it: a store, and a model on the Hub
    that trusts their workflow."""
    here = repository(world, "maintainer").requester
    _, made = here.requestJsonAndCheck("POST", "/user/repos", input={"name": "handbook"})
    served.github.add_collaborator(made["full_name"], "arborist[bot]", "write")
    own = {**world, "repository": made["full_name"], "github": {**world["github"], "git": made["clone_url"]}}
    owned = repository(own, "maintainer")
    owned.create_variable("ARBORIST_STORE", f"{world['data']}/store")
    owned.create_variable("HF_ENDPOINT", world["hub"])
    served.trust(HANDBOOK_MODEL, made["full_name"])
    return own


@pytest.fixture(scope="module")
def known() -> tuple[str, ...]:
    """The leaves that the owners have at first; a module may have others."""
    return "knowledge/science/minerals/tessarite", "compositional_skills/writing/freeform/library_notices"


@pytest.fixture(scope="module")
def owners(
    handbook: dict[str, Any], known: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Their clone of it: a bare taxonomy, which is on main already."""
    folder = tmp_path_factory.mktemp("owners")
    token = handbook["tokens"]["maintainer"]
    git(folder, "clone", "--quiet", handbook["github"]["git"].replace("://", f"://maintainer:{token}@"), ".")
    git(folder, "checkout", "--quiet", "-B", "main")
    for leaf in known:
        shutil.copytree(ROOT / "taxonomy" / leaf, folder / "taxonomy" / leaf)
    push(folder, "What we know")
    return folder


@pytest.fixture(scope="module")
def init(
    world: dict[str, Any], handbook: dict[str, Any], owners: Path, installed: Installed
) -> Callable[..., str]:
    """Runs a wheel's `arborist init` on it, as its administrator would; returns its output.

    Further options of the command may be given. The commit is named, since the world's repository has fewer
    folders than the one that the wheel is made of.
    """

    def run(*options: str) -> str:
        commit = repository(world, "maintainer").get_branch("main").commit.sha
        done = installed.run(
            *("init", "--model", HANDBOOK_MODEL, "--arborist", world["repository"], "--commit", commit),
            *options,
            cwd=owners,
            GITHUB_API_URL=handbook["github"]["api"],
            GITHUB_REPOSITORY=handbook["repository"],
            GITHUB_TOKEN=handbook["tokens"]["maintainer"],
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
