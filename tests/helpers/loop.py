"""What people do by hand in the tests of the whole loop: git, the API, and waiting."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
from github import Auth, Github
from github.PullRequest import PullRequest
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from localworld.github import Event
from localworld.world import World

T = TypeVar("T")
ARBORIST, LOCALWORLD = (str(Path(sys.executable).with_name(name)) for name in ("arborist", "localworld"))
HANDBOOK_MODEL = "lab/handbook-model"
"""The model of the repository that calls arborist's workflows."""
SKARROW = Path(__file__).parent.parent / "data" / "leaves" / "skarrow"
"""A leaf that this repository's taxonomy has never seen."""
LEAF = "taxonomy/knowledge/sports/skarrow"
"""Where contributors put it."""

HOSTILE = (
    "@everyone @lab/team closes #1 <!-- arborist:part release --> <img src=x onerror=alert(1)> "
    "![x](https://evil.example/x.png) [x](javascript:y) ```\n| a | b |\n# T\n\u202e\u200b https://evil.example"
)
"""What somebody writes who wants to speak through the bot's comment, and what of it must not be there."""
ALIVE = (
    *("@everyone", "@lab", "closes #1", "<img", "![", "](java", "```", "https://evil", "\u202e"),
    "<!-- arborist:part release",
)


def until(look: Callable[[], T | None], what: str, seconds: float = 1800) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds} s for {what}")


def running(command: str) -> list[psutil.Process]:
    """The processes of this test's own world whose command line holds these words."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if command in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue  # it has ended since
    return found


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@localhost"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(world: dict[str, Any], role: str) -> Repository:
    auth = Auth.Token(world["tokens"][role])
    client = Github(base_url=world["github"]["api"], auth=auth, seconds_between_writes=0)
    return client.get_repo(world["repository"])


def fork(world: dict[str, Any], folder: Path, branch: str) -> None:
    """The contributor's fork, cloned, on a new branch."""
    url = repository(world, "contributor").create_fork().clone_url
    git(
        folder,
        "clone",
        "--quiet",
        url.replace("://", f"://contributor:{world['tokens']['contributor']}@"),
        ".",
    )
    git(folder, "checkout", "--quiet", "-b", branch)


def write_skarrow(clone: Path) -> Path:
    """Lay the leaf into a clone; returns its folder."""
    leaf = clone / LEAF
    leaf.mkdir(parents=True)
    for file in SKARROW.iterdir():
        (leaf / file.name).write_bytes(file.read_bytes())
    return leaf


def push(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    git(folder, "push", "--quiet", "origin", "HEAD")


def teach_skarrow(world: dict[str, Any], folder: Path, branch: str) -> None:
    """Push the leaf to a new branch of the contributor's fork, whose clone the folder becomes."""
    fork(world, folder, branch)
    write_skarrow(folder)
    push(folder, "Teach skarrow")


def settled(world: dict[str, Any]) -> None:
    """Wait until no workflow runs or waits any more; one that has ended may start the next a moment later."""
    here = repository(world, "maintainer")
    quiet = 0

    def look() -> bool:
        nonlocal quiet
        counts = [here.get_workflow_runs(status=status).totalCount for status in ("queued", "in_progress")]
        quiet = 0 if any(counts) else quiet + 1
        return quiet > 1

    until(look, "the runs' end")
    # A command counts for what was reported before it, and GitHub's times are whole seconds.
    time.sleep(1)


def approve_at_once(world: World) -> None:
    """Let a maintainer approve outsiders' workflow runs as soon as GitHub asks for it, through the API."""
    requester = repository(world.address(), "maintainer").requester

    def approve(event: Event) -> None:
        run = event.payload.get("workflow_run", {})
        if event.action == "requested" and run.get("conclusion") == "action_required":
            asked = ("POST", f"{run['url']}/approve")
            threading.Thread(target=requester.requestJsonAndCheck, args=asked, daemon=True).start()

    world.github.subscribe(approve)


def run_again(run: WorkflowRun) -> None:
    """Make a workflow run again, for the same event, and wait for its end."""
    attempt = run.run_attempt
    run.rerun()

    def ended() -> bool:
        run.update()
        return run.run_attempt > attempt and run.status == "completed"

    until(ended, "the end of a run that was made again")


def succeeded(run: WorkflowRun) -> None:
    """Fail with the ends of the failed jobs' logs unless a workflow run succeeded."""
    if run.conclusion == "success":
        return
    ends = []
    for job in run.jobs():
        if job.conclusion != "success":
            _, log = run.requester.requestBlobAndCheck("GET", f"{job.url}/logs")
            ends.append("\n".join([f"{job.name}: {job.conclusion}", *str(log).splitlines()[-60:]]))
    raise AssertionError("\n".join([f"{run.name}: {run.conclusion}", *ends]))


def bot_comments(pull: PullRequest) -> list[str]:
    """The comments with the bot's report; there must never be a second one."""
    return [c.body for c in pull.get_issue_comments() if c.body.startswith("<!-- arborist:comment ")]


def comment_that(pull: PullRequest, *words: str) -> str:
    def look() -> str | None:
        bodies = bot_comments(pull)
        assert len(bodies) <= 1, "there is one comment"
        return next((body for body in bodies if all(word in body for word in words)), None)

    return until(look, f"a comment with {words}; it is {bot_comments(pull)}")


def check_is(world: dict[str, Any], pull: PullRequest, conclusion: str) -> None:
    def look() -> bool:
        pull.update()
        commit = repository(world, "outsider").get_commit(pull.head.sha)
        return [c.conclusion for c in commit.get_check_runs(check_name="arborist lint")] == [conclusion]

    until(look, f"the check to be {conclusion}")


def clean() -> dict[str, str]:
    """The environment without anything that points somewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "HF_"))}
