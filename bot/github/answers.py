"""What each slash command does: an answer in words, or work for a GPU runner."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from github.GithubException import GithubException, UnknownObjectException
from github.Issue import Issue
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.errors import UserError
from bot.github.checks import PLAN, find_check, lint_check, note_of
from bot.github.comment import update_comment
from bot.github.relint import start_lint
from bot.github.render import render
from bot.github.rights import who_may
from bot.github.seen import split_commit, why_unseen
from bot.github.work import COMMANDS as WORK
from bot.github.work import Work, begin, check_name
from bot.recipe import Recipe
from bot.store import Store, StoreError

HOLD = "hold"
"""The label of a pull request that is held."""


@dataclass(frozen=True)
class Command:
    """A command somebody gave: its name, the rest of its line."""

    name: str
    arguments: str


@dataclass
class Asked:
    """A command with all that its answer may need.

    Attributes:
        at: when it was given, by GitHub's clock.
    """

    repository: Repository
    recipe: Recipe
    store: Store
    thread: Issue
    command: Command
    at: datetime

    def __post_init__(self) -> None:
        self.given = self.command.name  # `retry` puts the command that is done again in its place

    @cached_property
    def pull(self) -> PullRequest:
        return self.repository.get_pull(self.thread.number)

    @property
    def lint(self) -> str:
        """The check of lint against the pull request's base."""
        return lint_check(self.pull.base.ref, self.repository.default_branch)

    @property
    def held(self) -> bool:
        return HOLD in {label.name for label in self.thread.labels}


@dataclass(frozen=True)
class Spec:
    """A command: what it does in one line for `help`, and the function that answers it."""

    doc: str
    answer: Callable[[Asked], "str | Work"]
    arguments: str = ""
    when_closed: bool = False


def help_(asked: Asked) -> str:
    """The commands that are there, and for whom."""
    rows = [
        f"| `/arborist {name}{spec.arguments}` | {spec.doc} | {who_may(asked.recipe.commands[name])} |"
        for name, spec in COMMANDS.items()
        if asked.recipe.commands.get(name)
    ]
    return "\n".join(["| command | what it does | for |", "|---|---|---|", *rows])


def again(asked: Asked) -> str:
    """Lint and plan again, against the base as it is now; the report follows as after a push."""
    base = start_lint(asked.repository, asked.pull)
    return (
        f"Started for `{asked.pull.head.sha[:7]}`, against `{asked.pull.base.ref}` as it is now "
        f"(`{base[:7]}`); the comment above follows."
    )


def work(asked: Asked) -> "str | Work":
    """Ask a GPU runner for something, on the commit that the person saw."""
    named, arguments = split_commit(asked.command.arguments)
    if asked.held:
        return "This pull request is held; `/arborist unhold` lets it go on."
    refusal = why_unseen(asked.repository, asked.thread, asked.pull, named, asked.at, asked.given)
    if refusal:
        return refusal
    wanted = Work(asked.command.name, " ".join(arguments.split()), int(os.environ.get("GITHUB_RUN_ID", "0")))
    begin(asked.repository, asked.pull, wanted)
    return wanted


def cancel(asked: Asked) -> str:
    """End what a GPU runner does for this pull request."""
    ended = []
    for name in map(check_name, WORK):
        check = find_check(asked.repository, name, asked.pull.head.sha)
        if check is not None and check.status != "completed":
            wanted = Work.read(note_of(asked.repository, check))
            if wanted is not None:
                _cancel_run(asked.repository, wanted.run)
                update_comment(asked.pull, {wanted.command: ""})
            check.edit(status="completed", conclusion="cancelled")
            ended.append(f"`{name}`")
    return f"Cancelled: {', '.join(ended)}." if ended else "Nothing is running for this commit."


def _cancel_run(repository: Repository, number: int) -> None:
    try:
        repository.get_workflow_run(number).cancel()
    except UnknownObjectException:
        return  # it is gone, which is what was wanted
    except GithubException as error:
        if error.status != 409:  # it has ended meanwhile
            raise


def retry(asked: Asked) -> "str | Work":
    """Do again what failed or was cancelled."""
    sha = asked.pull.head.sha
    named, _ = split_commit(asked.command.arguments)
    for name in map(check_name, WORK):
        check = find_check(asked.repository, name, sha)
        wanted = Work.read(note_of(asked.repository, check)) if check is not None else None
        if check is not None and wanted is not None and check.conclusion not in (None, "success"):
            asked.command = Command(wanted.command, f"{named} {wanted.arguments}".strip())
            return work(asked)
    if find_check(asked.repository, asked.lint, sha) is None:
        return again(asked)
    return f"Nothing failed on `{sha[:7]}`."


def hold(asked: Asked) -> str:
    """Let nothing more be done for this pull request."""
    asked.thread.add_to_labels(HOLD)
    return "Held: no GPU runner does anything for it until `/arborist unhold`."


def unhold(asked: Asked) -> str:
    if not asked.held:
        return "It is not held."
    asked.thread.remove_from_labels(HOLD)
    return "It goes on."


def status(asked: Asked) -> str:
    """What was done for this pull request, what is being done, and what is released."""
    from bot.release.hub import latest_release

    sha = asked.pull.head.sha
    checks = [
        (name, find_check(asked.repository, name, sha)) for name in (asked.lint, PLAN, *map(check_name, WORK))
    ]
    released = latest_release(asked.recipe.release.repository)
    waiting = asked.repository.get_workflow_runs(status="queued").totalCount
    return render(
        "status",
        sha=sha,
        checks=[(name, check) for name, check in checks if check is not None],
        held=asked.held,
        released=released,
        waiting=waiting,
    )


def explain(asked: Asked) -> str:
    """What a leaf came to in the newest release."""
    from bot.release.hub import latest_release

    path = asked.command.arguments.strip().strip("`").removeprefix("taxonomy/").strip("/")
    released = latest_release(asked.recipe.release.repository)
    if released is None:
        return "There is no release yet."
    leaf = next((leaf for leaf in released.manifest["leaves"] if leaf["path"] == path), None)
    names = [leaf["path"] for leaf in released.manifest["leaves"]]
    try:
        entry = asked.store.get("samples", leaf["key"]) if leaf else None
    except StoreError:
        entry = None  # a hosted job may have no access to the store; the manifest says most of it
    funnel = entry.facts.get("funnel") if entry else None
    return render(
        "explain", path=path, leaf=leaf, names=names, tag=released.tag, url=released.url, funnel=funnel
    )


def retrain(asked: Asked) -> str:
    """Start a retraining, which does nothing where the release is what main asks for."""
    workflow = asked.repository.get_workflow("retrain.yml")
    if not workflow.create_dispatch(asked.repository.default_branch):
        raise UserError("retrain.yml could not be started: GitHub refused the dispatch")
    return f"Started: {workflow.html_url}. The pull requests in it are told what came of it."


COMMANDS: dict[str, Spec] = {
    "help": Spec("this list", help_, when_closed=True),
    "status": Spec("what was done, what is being done, what is released", status, when_closed=True),
    "lint": Spec("lints and plans the newest commit again, against the base as it is now", again),
    "plan": Spec("the same, for instance after another merge", again),
    "sample": Spec(
        "samples from this contribution, and what today's model answers to its questions",
        work,
        " [COMMIT] [N] [LEAF…]",
    ),
    "precheck": Spec("only what today's model answers to its questions", work, " [COMMIT] [LEAF…]"),
    "trial": Spec(
        "what today's model answers before and after a quick lesson in it", work, " [COMMIT] [N] [LEAF…]"
    ),
    "cancel": Spec("ends what a GPU runner does for it", cancel),
    "retry": Spec("does again what failed or was cancelled", retry, " [COMMIT]"),
    "hold": Spec("no GPU runner does anything for it", hold),
    "unhold": Spec("lets it go on", unhold),
    "explain": Spec("what a leaf came to in the newest release", explain, " LEAF", when_closed=True),
    "retrain": Spec("starts a retraining of main", retrain, when_closed=True),
}
