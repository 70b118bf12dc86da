"""The demo's story, in order; every step uses only what a person could use by hand: git, the API, the Hub."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from github import Auth, Github
from github.IssueComment import IssueComment
from github.PullRequest import PullRequest
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from bot.errors import UserError
from bot.github.comment import read_parts
from bot.local.demo.contributor import Clone
from bot.local.demo.keepsake import keep_first_release, lay_out_first_release
from bot.local.world import REPOSITORY, World
from bot.progress import console, say
from bot.release.hub import latest_release

LEAF = Path(__file__).parent / "leaf"
BRANCH = "quillon-railway"
POLL_S = 0.5
PATIENCE_S = 1800
SHOWN = 3
"""Exam questions that both models are asked at the end; the first ones, right or wrong."""
SUMMARY = "summary.json"

T = TypeVar("T")


def tell(data: Path, *, keep: bool) -> None:
    """Run the demo in a folder, which is emptied first if an earlier demo made it.

    Args:
        data: everything is left here, with summary.json.
        keep: leave the local world up until interrupted.

    Raises:
        UserError: the folder holds something else, or a step did not come to its end.
    """
    # As Ctrl-C: a job that is under way ends with the demo.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _empty(data)
    lay_out_first_release(data / "store")
    world = World(data)
    world.start()
    try:
        os.environ["HF_ENDPOINT"] = world.hub  # as everybody's is who uses this Hub
        story = Story(world)
        story.run()
        if keep:
            print(json.dumps(world.address()), flush=True)
            say("the local world stays up; Ctrl-C ends it")
            _wait_for_interrupt()
    finally:
        world.stop()


class Story:
    """One run of the demo against a local world; `summary` grows as it goes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mistake: dict[str, Any] = yaml.safe_load((LEAF / "mistake.yaml").read_text())
        self.leaf: str = self.mistake["path"]
        self.summary: dict[str, Any] = {"leaf": self.leaf, "seconds": {}}
        self.maintainer = self._repository("maintainer")
        self.started = time.monotonic()

    def run(self) -> None:
        """The eight steps."""
        with self._step("1", "a first release is on the Hub"):
            self.first_release()
        with self._step("2", "a contributor opens a pull request, with a mistake in it"):
            pull = self.propose()
        with self._step("3", "a fix is pushed; the same comment turns green and carries the plan"):
            self.mend(pull)
        with self._step("4", "the maintainer asks for a sample"):
            self.ask_for_sample(pull)
        with self._step("5", "the maintainer merges; the bot retrains, examines and releases"):
            self.merge(pull)
        with self._step("6", "the pull request gets its closing word"):
            self.closing_word(pull)
        with self._step("7", "anybody loads the released model"):
            self.load()
        self.write_summary()

    def first_release(self) -> None:
        workflow = self.maintainer.get_workflow("retrain.yml")
        workflow.create_dispatch(self.maintainer.default_branch)
        run = self._run_of("retrain", "workflow_dispatch", 1)
        self._finished(run)
        keep_first_release(self.world.data / "store")
        self.summary["first_release"] = self._released_tag()
        say(f"released {self.summary['first_release']} from the taxonomy on main")

    def propose(self) -> PullRequest:
        contributor = self._repository("contributor")
        fork = contributor.create_fork()
        self.clone = Clone(
            self.world.data / "contributor", fork.clone_url, self.world.tokens["contributor"], BRANCH
        )
        self.clone.write(f"taxonomy/{self.leaf}", LEAF, broken=self.mistake["broken"])
        self.clone.commit_and_push("Teach the Quillon Railway")
        pull = contributor.create_pull(
            base=contributor.default_branch,
            head=f"{fork.owner.login}:{BRANCH}",
            title="Teach the Quillon Railway",
            body="A new knowledge leaf about an invented railway.",
        )
        say(f"pull request: {pull.html_url}")
        self._approve(pull)
        part = self._part(pull, "lint", lambda text: f"line {self.mistake['line']}" in text)
        self._check(pull, "failure")
        _show(part)
        return pull

    def mend(self, pull: PullRequest) -> None:
        before = self._comment_url(pull)
        self.clone.write(f"taxonomy/{self.leaf}", LEAF)
        self.clone.commit_and_push("Quote the year")
        self._approve(pull)
        _show(self._part(pull, "plan", lambda text: self.leaf.split("/")[-1].split("_")[0] in text))
        self._check(pull, "success")
        if self._comment_url(pull) != before:
            raise UserError("the bot wrote a second comment", code=1)

    def ask_for_sample(self, pull: PullRequest) -> None:
        as_maintainer = self.maintainer.get_pull(pull.number)
        # A command counts for what the bot had reported before it, and GitHub's times are whole seconds.
        time.sleep(2)
        as_maintainer.create_issue_comment("/arborist sample")
        _show(self._part(pull, "sample", lambda text: "candidates" in text))
        _show(self._part(pull, "precheck", lambda text: "today's model" in text))

    def merge(self, pull: PullRequest) -> None:
        self.maintainer.get_pull(pull.number).merge(merge_method="merge")
        self._finished(self._run_of("retrain", "push", 1))

    def closing_word(self, pull: PullRequest) -> None:
        _show(self._part(pull, "release", lambda text: "Released as" in text))
        self.summary["comments"] = [self._comment_url(pull)]

    def load(self) -> None:
        from bot.local.demo.ask import ask_both

        release = latest_release(self._model())
        if release is None:
            raise UserError(f"nothing is released on {self.world.hub}", code=1)
        manifest = release.manifest
        self.summary |= {
            "release": {"tag": release.tag, "commit": release.commit, "url": release.url},
            "manifest_key": manifest["key"],
            "exam": {leaf["path"]: leaf["exam"] for leaf in manifest["leaves"]},
            "retention": manifest["examined"]["retention"],
        }
        exam = yaml.safe_load((LEAF / "exam.yaml").read_text())["questions"]
        questions = [item["question"] for item in exam[:SHOWN]]
        self.summary["answers"] = []
        both = ask_both(questions, release.repository, release.tag, self.world.hub)
        for question, (base, released) in zip(questions, both, strict=True):
            say(f"  asked:    {question}\n  the base: {base}\n  {release.tag + ':':9} {released}\n")
            self.summary["answers"].append({"question": question, "base": base, "released": released})

    def write_summary(self) -> None:
        self.summary["seconds"]["all"] = round(time.monotonic() - self.started, 1)
        path = self.world.data / SUMMARY
        path.write_text(json.dumps(self.summary, indent=2, ensure_ascii=False) + "\n")
        exam = self.summary["exam"][self.leaf]
        say(
            f"\n{self.leaf}: {exam['before']['right']} of {exam['before']['asked']} right before, "
            f"{exam['after']['right']} of {exam['after']['asked']} after; everything is in {path.parent}"
        )

    @contextmanager
    def _step(self, number: str, title: str) -> Iterator[None]:
        console.rule(f"{number}. {title}", align="left")
        start = time.monotonic()
        yield
        seconds = round(time.monotonic() - start, 1)
        self.summary["seconds"][number] = seconds
        say(f"({seconds} s)")

    def _repository(self, role: str) -> Repository:
        client = Github(
            base_url=f"{self.world.web}/api/v3",
            auth=Auth.Token(self.world.tokens[role]),
            seconds_between_writes=0,
            seconds_between_requests=0,
        )
        return client.get_repo(REPOSITORY)

    def _model(self) -> str:
        from bot.local.world import ROOT
        from bot.recipe import load_recipe

        return load_recipe(ROOT / "arborist.yaml").release.repository

    def _released_tag(self) -> str:
        release = latest_release(self._model())
        return release.tag if release else ""

    def _run_of(self, workflow: str, event: str, count: int) -> WorkflowRun:
        """The newest run of a workflow for an event, once there are `count` of them."""

        def look() -> WorkflowRun | None:
            runs = [
                run for run in self.maintainer.get_workflow_runs(event=event) if run.name == workflow
            ]  # newest first
            return runs[0] if len(runs) >= count else None

        return _until(look, f"a {workflow} run for {event}")

    def _finished(self, run: WorkflowRun) -> None:
        """Wait for a run to succeed, and show its job's last line meanwhile."""
        shown = ""

        def look() -> WorkflowRun | None:
            nonlocal shown
            line = self.world.actions.last_line(run.id)
            if line and line != shown:
                shown = line
                say(f"  {line}")
            run.update()
            return run if run.status == "completed" else None

        _until(look, f"run {run.id} of {run.name}")
        if run.conclusion != "success":
            raise UserError(f"{run.name} ended with {run.conclusion}; its log: {run.html_url}", code=1)

    def _approve(self, pull: PullRequest) -> None:
        """Approve what a first-time contributor's newest commit starts, as GitHub asks a maintainer to."""

        def look() -> list[WorkflowRun] | None:
            held = list(self.maintainer.get_workflow_runs(status="action_required"))
            pull.update()
            return [run for run in held if run.head_sha == pull.head.sha] or None

        for run in _until(look, "workflow runs that wait for approval"):
            self.maintainer.requester.requestJsonAndCheck("POST", f"{run.url}/approve")
        say("the maintainer approves the first-time contributor's workflow")

    def _part(self, pull: PullRequest, name: str, fits: Callable[[str], bool]) -> str:
        """A part of the bot's comment, once it says what is waited for."""

        def look() -> str | None:
            self._no_failed_run()
            comment = _report(pull)
            text = read_parts(comment.body).get(name, "") if comment else ""
            return text if fits(text) else None

        return _until(look, f"the comment's part {name}")

    def _no_failed_run(self) -> None:
        """Only lint may be red, and only on purpose; anything else that fails ends the story."""
        for run in self.maintainer.get_workflow_runs(status="failure"):
            if run.name != "lint":
                raise UserError(f"{run.name} failed; its log: {run.html_url}", code=1)

    def _check(self, pull: PullRequest, conclusion: str) -> None:
        def look() -> bool | None:
            pull.update()
            runs = self.maintainer.get_commit(pull.head.sha).get_check_runs(check_name="arborist lint")
            return True if conclusion in [run.conclusion for run in runs] else None

        _until(look, f"the check to be {conclusion}")
        say(f"the check is {'red' if conclusion == 'failure' else 'green'}")

    def _comment_url(self, pull: PullRequest) -> str:
        comment = _report(pull)
        return comment.html_url if comment else ""


def _report(pull: PullRequest) -> IssueComment | None:
    """The bot's report, as a person finds it."""
    comments = pull.get_issue_comments()
    return next((c for c in comments if c.user.type == "Bot" and "arborist:part" in c.body), None)


def _until(look: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(POLL_S)
    raise UserError(f"waited {PATIENCE_S} s for {what}, in vain", code=1)


def _show(markdown: str) -> None:
    """A part of the comment as a terminal can show it."""
    import html

    from rich.markdown import Markdown
    from rich.padding import Padding

    visible = [line for line in markdown.splitlines() if not line.startswith(("<details", "</details"))]
    text = html.unescape("\n".join(visible)).replace("<sub>", "").replace("</sub>", "")
    text = text.replace("<summary>", "").replace("</summary>", "")
    console.print(Padding(Markdown(text), (0, 4)))


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("interrupted")


def _empty(data: Path) -> None:
    if data.exists() and any(data.iterdir()):
        if not (data / "world.json").exists():
            raise UserError(f"{data} holds something that no demo made; name another folder with --data")
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
