"""The steps of the demo, in order. Each step uses only git, GitHub's API and the Hub, as a person would."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from github import Auth, Github
from github.PullRequest import PullRequest
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun
from huggingface_hub import hf_hub_download

from bot.core.errors import UserError
from bot.core.progress import console, say
from bot.github.comment import read_parts
from bot.release.hub import latest_release
from bot.release.manifest import MANIFEST
from localworld.demo.cached_release import keep_first_release, lay_out_first_release
from localworld.demo.contributor import Clone
from localworld.demo.seed import demo_seed
from localworld.demo.watch import report_on, show, until
from localworld.world import REPOSITORY, World

LEAF = Path(__file__).parent / "leaf"
BRANCH = "quillon-railway"
SHOWN = 3
"""How many exam questions, from the first, both models answer at the end."""
SUMMARY = "summary.json"


def run_demo(data: Path, *, keep: bool) -> None:
    """Run the demo in a folder; delete the files of an earlier demo there first.

    Args:
        data: the folder of the local world, the contributor's clone and summary.json; kept after the demo.
        keep: keep the local world running after the last step, until Ctrl-C.

    Raises:
        UserError: the folder holds files that are not a demo's, or a step failed or timed out.
    """
    # Handle SIGTERM like Ctrl-C, so that running jobs end with the demo.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _empty(data)
    lay_out_first_release(data / "store")
    world = World(data, seed=demo_seed(Path()))
    world.start()
    try:
        os.environ["HF_ENDPOINT"] = world.hub  # point huggingface_hub at the local Hub
        story = Story(world)
        story.run()
        if keep:
            print(json.dumps(world.address()), flush=True)
            say("The local world keeps running. Press Ctrl-C to stop it.")
            _wait_for_interrupt()
    finally:
        world.stop()


class Story:
    """One run of the demo against a local world.

    Attributes:
        leaf: the path of the contributed leaf, below `taxonomy/`.
        summary: the content of summary.json; each step adds its results.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.mistake: dict[str, Any] = yaml.safe_load((LEAF / "mistake.yaml").read_text())
        self.leaf: str = self.mistake["path"]
        self.summary: dict[str, Any] = {"leaf": self.leaf, "seconds": {}}
        self.maintainer = self._repository("maintainer")
        self.started = time.monotonic()

    def run(self) -> None:
        """Run the eight steps, then write summary.json."""
        with self._step("1", "The bot trains a first model on the taxonomy and releases it on the Hub"):
            self.first_release()
        with self._step("2", "A contributor opens a pull request that has a mistake"):
            pull = self.propose()
        with self._step("3", "The contributor pushes a fix; the bot updates its comment with the plan"):
            self.fix(pull)
        with self._step("4", "A maintainer asks for samples with `/arborist sample`"):
            self.ask_for_sample(pull)
        with self._step("5", "The maintainer merges; the bot retrains, evaluates and releases the model"):
            self.merge(pull)
        with self._step("6", "The bot reports the release on the pull request"):
            self.closing_word(pull)
        with self._step("7", "A user loads the released model from the Hub"):
            self.load()
        with self._step(
            "8", "A user verifies the release; the maintainer returns to the one before and back"
        ):
            self.verify()
            self.roll_back(pull)
        self.write_summary()

    def first_release(self) -> None:
        """Run the retrain workflow by hand and wait for the release."""
        workflow = self.maintainer.get_workflow("retrain.yml")
        workflow.create_dispatch(self.maintainer.default_branch)
        run = self._run_of("retrain", "workflow_dispatch", 1)
        self._finished(run)
        keep_first_release(self.world.data / "store")
        self.summary["first_release"] = self._released_tag()
        say(f"Released {self.summary['first_release']} from the taxonomy on main.")

    def propose(self) -> PullRequest:
        """Open a pull request from a fork with the leaf's broken version; show the bot's lint report."""
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
        say(f"Pull request: {pull.html_url}")
        self._approve(pull)
        part = self._part(pull, "lint", lambda text: f"line {self.mistake['line']}" in text)
        self._check(pull, "failure")
        show(part)
        return pull

    def fix(self, pull: PullRequest) -> None:
        """Push the correct leaf; show the plan, which must be in the same comment as the lint report."""
        before = self._comment_url(pull)
        self.clone.write(f"taxonomy/{self.leaf}", LEAF)
        self.clone.commit_and_push("Quote the year")
        self._approve(pull)
        show(self._part(pull, "plan", lambda text: self.leaf.split("/")[-1].split("_")[0] in text))
        self._check(pull, "success")
        if self._comment_url(pull) != before:
            raise UserError(f"the bot wrote a second comment on {pull.html_url}; expected one", code=1)

    def ask_for_sample(self, pull: PullRequest) -> None:
        """Comment `/arborist sample`; show the samples and the current model's answers."""
        as_maintainer = self.maintainer.get_pull(pull.number)
        # A command applies to the commit that the bot last reported on before the command. GitHub's
        # timestamps have a resolution of one second, so the command must not follow at once.
        time.sleep(2)
        as_maintainer.create_issue_comment("/arborist sample")
        show(self._part(pull, "sample", lambda text: "candidates" in text))
        show(self._part(pull, "precheck", lambda text: "today's model" in text))

    def merge(self, pull: PullRequest) -> None:
        """Merge as the maintainer and wait for the retrain workflow."""
        self.maintainer.get_pull(pull.number).merge(merge_method="merge")
        self._finished(self._run_of("retrain", "push", 1))

    def closing_word(self, pull: PullRequest) -> None:
        show(self._part(pull, "release", lambda text: "Released as" in text))
        self.summary["comments"] = [self._comment_url(pull)]

    def load(self) -> None:
        """Ask the base, the released model and its GGUF file the first exam questions; record the results."""
        from localworld.demo.ask import ask_both, ask_gguf

        release = latest_release(self._model())
        if release is None:
            raise UserError(f"no release of {self._model()} found on {self.world.hub}", code=1)
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
            say(f"  question:   {question}\n  base model: {base}\n  released:   {released}\n")
            self.summary["answers"].append({"question": question, "base": base, "released": released})
        file, answer = ask_gguf(questions[0], manifest, self.world.hub, self.world.data / "downloads")
        say(f"  question:   {questions[0]}\n  {file} in llama.cpp: {answer}\n")
        self.summary["gguf"] = {"file": file, "answer": answer}

    def verify(self) -> None:
        """Verify the release with the maintainers' public key, down to the leaves of the taxonomy."""
        from localworld.demo.verify import verify_release

        release, taxonomy = self.summary["release"], self.world.data / "taxonomy"
        self.clone.clone_again(taxonomy, f"{self.world.web}/{REPOSITORY}.git")
        key = Path(self.world.address()["release_key"])
        self.summary["verified"] = verify_release(f"{self._model()}@{release['tag']}", key, taxonomy)
        say("\n".join(self.summary["verified"]))

    def roll_back(self, pull: PullRequest) -> None:
        """Roll back to the first release by a comment, then return to the newest one."""
        as_maintainer = self.maintainer.get_pull(pull.number)
        for count, tag in enumerate((self.summary["first_release"], self.summary["release"]["tag"]), 1):
            as_maintainer.create_issue_comment(f"/arborist rollback {tag}")
            self._finished(self._run_of("rollback", "workflow_dispatch", count))
            cache = self.world.data / "downloads"
            path = hf_hub_download(self._model(), MANIFEST, endpoint=self.world.hub, cache_dir=cache)
            shown = json.loads(Path(path).read_text())["release"]
            if shown != tag:
                raise UserError(
                    f"the main branch of {self._model()} is {shown} after a rollback to {tag}", code=1
                )
            say(f"The main branch of {self._model()} is {tag}.")

    def write_summary(self) -> None:
        """Write summary.json and print the exam results of the new leaf."""
        self.summary["seconds"]["all"] = round(time.monotonic() - self.started, 1)
        path = self.world.data / SUMMARY
        path.write_text(json.dumps(self.summary, indent=2, ensure_ascii=False) + "\n")
        exam = self.summary["exam"][self.leaf]
        say(
            f"\nExam questions of {self.leaf} answered correctly: {exam['before']['right']} of "
            f"{exam['before']['asked']} before training, {exam['after']['right']} of "
            f"{exam['after']['asked']} after. Results: {path}"
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
        from bot.config.load import load_recipe

        return load_recipe(self.world.checkout / "arborist.yaml").release.repository

    def _released_tag(self) -> str:
        release = latest_release(self._model())
        return release.tag if release else ""

    def _run_of(self, workflow: str, event: str, count: int) -> WorkflowRun:
        """Return the newest run of a workflow for an event; wait until there are at least `count` runs."""

        def find() -> WorkflowRun | None:
            runs = [
                run for run in self.maintainer.get_workflow_runs(event=event) if run.name == workflow
            ]  # newest first
            return runs[0] if len(runs) >= count else None

        return until(find, f"a {workflow} run for the event {event}")

    def _finished(self, run: WorkflowRun) -> None:
        """Wait for a run to succeed; print the last line of its log while it runs."""
        shown = ""

        def find() -> WorkflowRun | None:
            nonlocal shown
            line = self.world.actions.last_line(run.id)
            if line and line != shown:
                shown = line
                say(f"  {line}")
            run.update()
            return run if run.status == "completed" else None

        until(find, f"run {run.id} of the workflow {run.name} to end")
        if run.conclusion != "success":
            raise UserError(f"{run.name} ended with {run.conclusion}; see its log: {run.html_url}", code=1)

    def _approve(self, pull: PullRequest) -> None:
        """Approve the newest commit's workflow runs, as GitHub requires for first-time contributors."""

        def find() -> list[WorkflowRun] | None:
            held = list(self.maintainer.get_workflow_runs(status="action_required"))
            pull.update()
            return [run for run in held if run.head_sha == pull.head.sha] or None

        for run in until(find, "workflow runs to wait for approval"):
            self.maintainer.requester.requestJsonAndCheck("POST", f"{run.url}/approve")
        say("The maintainer approved the workflow run of the first-time contributor.")

    def _part(self, pull: PullRequest, name: str, fits: Callable[[str], bool]) -> str:
        """Wait until a part of the bot's comment satisfies `fits`; return the part's text."""

        def find() -> str | None:
            self._no_failed_run()
            comment = report_on(pull)
            text = read_parts(comment.body).get(name, "") if comment else ""
            return text if fits(text) else None

        return until(find, f"the part {name!r} of the bot's comment")

    def _no_failed_run(self) -> None:
        """Raise UserError if a run failed, except of lint, which fails on purpose."""
        for run in self.maintainer.get_workflow_runs(status="failure"):
            if run.name != "lint":
                raise UserError(f"{run.name} failed; see its log: {run.html_url}", code=1)

    def _check(self, pull: PullRequest, conclusion: str) -> None:
        """Wait until the check `arborist lint` of the newest commit has this conclusion."""

        def find() -> bool | None:
            pull.update()
            runs = self.maintainer.get_commit(pull.head.sha).get_check_runs(check_name="arborist lint")
            return True if conclusion in [run.conclusion for run in runs] else None

        until(find, f"the check 'arborist lint' to have the conclusion {conclusion}")
        say(f"The check 'arborist lint' {'failed' if conclusion == 'failure' else 'passed'}.")

    def _comment_url(self, pull: PullRequest) -> str:
        comment = report_on(pull)
        return comment.html_url if comment else ""


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("Interrupted.")


def _empty(data: Path) -> None:
    """Create the folder, or delete what an earlier demo left in it."""
    if data.exists() and any(data.iterdir()):
        if not (data / "world.json").exists():
            raise UserError(f"{data} has files that the demo did not create; choose another with --data")
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
