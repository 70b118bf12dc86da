"""The local world in the test's own process, so that every exchange with its GitHub is checked.

Each module here is a story: its tests are chapters, which build on each other in the order of the file. The
module test_loop can begin at any chapter once its states have been kept:

    pytest tests/loop/test_loop.py --story /tmp/story
    pytest tests/loop/test_loop.py --story /tmp/story --chapter test_an_outsider_is_refused
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from localworld.world import PUBLISHER, World
from tests import ROOT
from tests.contract.plugin import Watch
from tests.groups import TOOL_CACHE
from tests.helpers.loop import HANDBOOK_MODEL, approve_at_once, git, push, repository, settled
from tests.helpers.story import Story
from tests.package.plugin import Installed

BEFORE = pytest.StashKey[str]()
"""The chapter before the one that a story begins at."""
PASSED = pytest.StashKey[bool]()


class Counted:
    """Counts the requests of each token to the API."""

    def __init__(self, app: ASGIApp, counts: Counter[str]) -> None:
        self.app, self.counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/v3"):
            given = dict(scope["headers"]).get(b"authorization", b"").decode()
            self.counts[given.partition(" ")[2]] += 1
        await self.app(scope, receive, send)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--story", type=Path, help="keep the state after each chapter of test_loop in this folder"
    )
    parser.addoption("--chapter", default="", help="begin at this chapter, with the state that --story kept")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the chapters before the one to begin at."""
    chapter = config.getoption("--chapter", "")
    names = [item.name for item in items]
    if chapter and chapter not in names:
        raise pytest.UsageError(f"--chapter {chapter}: there are {', '.join(names)}")
    if chapter:
        first = names.index(chapter)
        config.hook.pytest_deselected(items=items[:first])
        del items[:first]
        config.stash[BEFORE] = names[first - 1] if first else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(scope="module")
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The folder of this module's story."""
    place = request.config.getoption("--story", None)
    if place is None:
        return Story(tmp_path_factory.mktemp("story"))
    return Story.kept_in(place.resolve(), request.config.stash.get(BEFORE, ""))


@pytest.fixture(autouse=True)
def _kept(request: pytest.FixtureRequest, story: Story) -> Iterator[None]:
    """Keep the state after a chapter that passed, where that is wanted."""
    yield
    if story.states is not None and request.node.stash.get(PASSED, False):
        settled(request.getfixturevalue("world"))
        story.keep(request.node.name)


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
    """The machines' tool cache in all worlds: the first job of each commit installs the bot there.

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
    story: Story,
    contract: Watch,
    counts: Counter[str],
    approving: bool,
    tool_cache: Path,
    project: Path,
) -> Iterator[World]:
    """A world that is up."""
    middleware = (*contract.middleware, Middleware(Counted, counts=counts))
    # A story that is kept has its own tools, since they are a part of its state.
    tools = tool_cache if story.states is None else story.folder / "tools"
    running = World(story.folder / "world", project, middleware=middleware, tool_cache=tools)
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
def handbook(served: World, world: dict[str, Any], story: Story) -> dict[str, Any]:
    """The world as the owners of another repository than arborist's see it: a store, and a model on the Hub
    that trusts their workflow."""

    def make() -> dict[str, str]:
        here = repository(world, "maintainer").requester
        _, made = here.requestJsonAndCheck("POST", "/user/repos", input={"name": "handbook"})
        served.github.add_collaborator(made["full_name"], "arborist[bot]", "write")
        owned = repository({**world, "repository": made["full_name"]}, "maintainer")
        owned.create_variable("ARBORIST_STORE", f"{world['data']}/store")
        owned.create_variable("ARBORIST_PUBLISHER", PUBLISHER)
        owned.create_variable("HF_ENDPOINT", world["hub"])
        return {"name": made["full_name"], "git": made["clone_url"]}

    made = story.once("handbook", make)
    # Which publishers the Hub trusts is no part of its folder.
    served.trust(HANDBOOK_MODEL, made["name"])
    return {**world, "repository": made["name"], "github": {**world["github"], "git": made["git"]}}


@pytest.fixture(scope="module")
def known() -> tuple[str, ...]:
    """The leaves that the owners have at first; a module may have others."""
    return "knowledge/science/minerals/tessarite", "compositional_skills/writing/freeform/library_notices"


@pytest.fixture(scope="module")
def owners(handbook: dict[str, Any], known: tuple[str, ...], story: Story) -> Path:
    """Their clone of it: a bare taxonomy, which is on main already."""
    folder = story.folder / "owners"

    def make() -> None:
        folder.mkdir()
        token = handbook["tokens"]["maintainer"]
        url = handbook["github"]["git"].replace("://", f"://maintainer:{token}@")
        git(folder, "clone", "--quiet", url, ".")
        git(folder, "checkout", "--quiet", "-B", "main")
        for leaf in known:
            shutil.copytree(ROOT / "taxonomy" / leaf, folder / "taxonomy" / leaf)
        push(folder, "What we know")

    story.once("owners", make)
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
