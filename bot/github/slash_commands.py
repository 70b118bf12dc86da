"""The slash commands: each returns a reply, or what a GPU runner is to do."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from github.GithubException import GithubException, UnknownObjectException
from github.Issue import Issue
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.config.recipe import Recipe
from bot.core.store import Store, StoreError
from bot.core.workflow_names import RETRAIN, ROLLBACK
from bot.github.checks import PLAN, find_check, lint_check, note_of
from bot.github.comment import update_comment
from bot.github.commit_seen import split_commit, why_unseen
from bot.github.dispatch import dispatch
from bot.github.gpu_work import COMMANDS as WORK
from bot.github.gpu_work import Work, begin, check_name
from bot.github.known_runs import runs_told
from bot.github.relint import start_lint
from bot.github.render import render
from bot.github.rights import who_may

if TYPE_CHECKING:
    from bot.github.draft_request import DraftRequest

HOLD = "hold"
"""The label of a pull request on hold."""


@dataclass(frozen=True)
class Command:
    """A command from a comment: its name, and the rest of its line."""

    name: str
    arguments: str


@dataclass
class Asked:
    """A command with everything that is needed to answer it.

    Attributes:
        thread: the issue, or the issue of the pull request, on which the command was given.
        at: when the command was given, by GitHub's clock.
        by: the login of whoever gave it.
    """

    repository: Repository
    recipe: Recipe
    store: Store
    thread: Issue
    command: Command
    at: datetime
    by: str

    def __post_init__(self) -> None:
        self.given = self.command.name  # `retry` replaces `command` with the command that it repeats

    @cached_property
    def pull(self) -> PullRequest:
        return self.repository.get_pull(self.thread.number)

    @property
    def lint(self) -> str:
        """The name of the lint check for the pull request's base branch."""
        return lint_check(self.pull.base.ref, self.repository.default_branch)

    @property
    def on_pull(self) -> bool:
        """Whether the thread is a pull request, and not an issue."""
        return self.thread.pull_request is not None

    @property
    def held(self) -> bool:
        return HOLD in {label.name for label in self.thread.labels}


@dataclass(frozen=True)
class Spec:
    """The definition of a command.

    Attributes:
        doc: what the command does, in one line for `help`.
        answer: the function that answers the command.
        arguments: how the arguments are shown in `help`, with a leading space.
        when_closed: whether the command also works on a closed pull request.
        on_pulls, on_issues: whether the command works on pull requests, and on other issues.
    """

    doc: str
    answer: Callable[[Asked], "str | Work | DraftRequest"]
    arguments: str = ""
    when_closed: bool = False
    on_pulls: bool = True
    on_issues: bool = False

    def works_on(self, asked: Asked) -> bool:
        """Return whether the command works on the thread on which it was given."""
        return self.on_pulls if asked.on_pull else self.on_issues


def help_(asked: Asked) -> str:
    """List the commands, and who may use them."""
    rows = [
        f"| `/arborist {name}{spec.arguments}` | {spec.doc} | {who_may(asked.recipe.commands[name])} |"
        for name, spec in COMMANDS.items()
        if asked.recipe.commands.get(name) and spec.works_on(asked)
    ]
    return "\n".join(["| command | what it does | who may use it |", "|---|---|---|", *rows])


def again(asked: Asked) -> str:
    """Lint and plan again, against the current base; the report follows as after a push."""
    base = start_lint(asked.repository, asked.pull, asked.recipe.workflows)
    return (
        f"Started lint and plan of `{asked.pull.head.sha[:7]}` against the current `{asked.pull.base.ref}` "
        f"(`{base[:7]}`). The results will appear in the bot's comment."
    )


def work(asked: Asked) -> "str | Work":
    """Hand the command to a GPU runner, for the commit that its author saw."""
    named, arguments = split_commit(asked.command.arguments)
    if asked.held:
        return "This pull request is held; `/arborist unhold` ends the hold."
    refusal = why_unseen(asked.repository, asked.thread, asked.pull, named, asked.at, asked.given)
    if refusal:
        return refusal
    wanted = Work(asked.command.name, " ".join(arguments.split()), int(os.environ.get("GITHUB_RUN_ID", "0")))
    begin(asked.repository, asked.pull, wanted)
    return wanted


def cancel(asked: Asked) -> str:
    """Stop the GPU work for this pull request."""
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
        return  # the run was deleted, so there is nothing to cancel
    except GithubException as error:
        if error.status != 409:  # 409: the run has already ended
            raise


def retry(asked: Asked) -> "str | Work":
    """Repeat the GPU work that failed or was cancelled; if lint was never reported, lint again."""
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
    """Keep GPU runners from starting work for this pull request."""
    asked.thread.add_to_labels(HOLD)
    return "Held: no GPU work starts for this pull request until `/arborist unhold`."


def unhold(asked: Asked) -> str:
    """End a hold."""
    if not asked.held:
        return "This pull request is not held."
    asked.thread.remove_from_labels(HOLD)
    return "This pull request is no longer held."


def status(asked: Asked) -> str:
    """Show the checks on this pull request, whether it is held, what is under way, and the newest release."""
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
        runs=runs_told(asked.store, asked.repository.full_name, asked.pull.number, sha),
        released=released,
        waiting=waiting,
    )


def explain(asked: Asked) -> str:
    """Show the samples and the exam results of a leaf in the newest release."""
    from bot.release.hub import latest_release

    path = asked.recipe.taxonomy.leaf(asked.command.arguments)
    released = latest_release(asked.recipe.release.repository)
    if released is None:
        return "There is no release yet."
    leaf = next((leaf for leaf in released.manifest["leaves"] if leaf["path"] == path), None)
    names = [leaf["path"] for leaf in released.manifest["leaves"]]
    try:
        entry = asked.store.get("samples", leaf["key"]) if leaf else None
    except StoreError:
        entry = None  # a GitHub-hosted job may not be able to read the store; the manifest has the rest
    funnel = entry.facts.get("funnel") if entry else None
    return render(
        "explain", path=path, leaf=leaf, names=names, tag=released.tag, url=released.url, funnel=funnel
    )


def draft(asked: Asked) -> "str | DraftRequest":
    """Hand the issue's document to a GPU runner, unless there is a draft of it."""
    from bot.github.draft_pull import draft_of
    from bot.github.draft_request import DraftRequest

    request = DraftRequest.read(asked.thread.raw_data)
    pull = draft_of(asked.repository, request)
    if pull is not None:
        return f"There is a draft: #{pull.number}. To get another one, close it and delete its branch first."
    return request


def retrain(asked: Asked) -> str:
    """Start a retraining; it does nothing if the newest release already matches main."""
    workflow = dispatch(asked.repository, RETRAIN)
    return (
        f"Started: {workflow.html_url}. The bot comments the result on the pull requests that are new in it."
    )


def rollback(asked: Asked) -> str:
    """Start the workflow that makes the model's main branch an earlier release again."""
    from bot.release.hub import latest_release, release_at
    from bot.release.tags import EXAMPLE, TAG

    tag, model = asked.command.arguments.strip(), asked.recipe.release.repository
    # A private repository cannot be read here; there, the workflow says whether there is such a release.
    if not TAG.fullmatch(tag) or (latest_release(model) and release_at(model, tag) is None):
        return f"Name a release of {model} by its tag, such as `/arborist rollback {EXAMPLE}`."
    workflow = dispatch(asked.repository, ROLLBACK, {"tag": tag})
    return (
        f"Started: {workflow.html_url}. It makes the main branch of {model} the release {tag} again. The "
        "next change of the taxonomy makes a new release of all leaves; revert what must not be in it."
    )


def override(asked: Asked) -> str:
    """Release the refused candidate all the same: record the reason, and start a retraining."""
    from bot.github.refused import LONGEST_REASON, Override
    from bot.github.refused import override as record

    key, _, reason = " ".join(asked.command.arguments.split()).partition(" ")
    if not reason or len(reason) > LONGEST_REASON:
        how = "`/arborist override KEY REASON`, with the key that the issue on the refused release states"
        return f"Give the reason, in at most {LONGEST_REASON} characters: {how}."
    if not record(asked.repository, key, Override(asked.by, reason)):
        return (
            "No release with this key is refused now; the open issue with the label `refused` states the key."
        )
    return f"The release `{key[:12]}` will be published although the gate refused it. {retrain(asked)}"


COMMANDS: dict[str, Spec] = {
    "help": Spec("list the commands", help_, when_closed=True, on_issues=True),
    "status": Spec(
        "show the checks, what is under way and how far it is, and the newest release",
        status,
        when_closed=True,
    ),
    "lint": Spec("lint and plan the newest commit again, against the current base", again),
    "plan": Spec("the same as `lint`, for instance after another merge", again),
    "sample": Spec(
        "show samples of this contribution, and how today's model answers its exam",
        work,
        " [COMMIT] [N] [LEAF…]",
    ),
    "precheck": Spec("only show how today's model answers its exam", work, " [COMMIT] [LEAF…]"),
    "trial": Spec(
        "show how today's model answers its exam before and after a short training",
        work,
        " [COMMIT] [N] [LEAF…]",
    ),
    "draft": Spec(
        "draft a leaf from the document of this issue, and open a pull request with it",
        draft,
        on_pulls=False,
        on_issues=True,
    ),
    "cancel": Spec("stop the GPU work for this pull request", cancel),
    "retry": Spec("repeat what failed or was cancelled", retry, " [COMMIT]"),
    "hold": Spec("start no GPU work for this pull request", hold),
    "unhold": Spec("end the hold", unhold),
    "explain": Spec(
        "show the samples and exam results of a leaf in the newest release",
        explain,
        " LEAF",
        when_closed=True,
    ),
    "retrain": Spec("start a retraining of main", retrain, when_closed=True),
    "override": Spec(
        "release the model that the gate refused; the reason is recorded in the release",
        override,
        " KEY REASON",
        when_closed=True,
    ),
    "rollback": Spec(
        "make the model's main branch an earlier release again",
        rollback,
        " TAG",
        when_closed=True,
    ),
}
