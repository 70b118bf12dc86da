"""What an event means for workflows: which files count, what changed, in which concurrency group a run is."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.local.actions.expressions import evaluate, truth
from bot.local.actions.runner import describe
from bot.local.actions.workflow_file import FOLDER, InvalidWorkflow, Workflow, parse_workflow
from bot.local.github.git import ZERO
from bot.local.github.state import Event, GitHub

OF_A_PULL = ("pull_request", "pull_request_review", "pull_request_review_comment")
OF_THE_COMMIT = ("push", *OF_A_PULL, "merge_group", "workflow_dispatch")
"""Events whose workflows are those of the event's commit; all others take the default branch's.

The commit of a pull request's events is its test merge, so a stranger's workflow files are among them.
"""
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
CACHED = 256
_ELSEWHERE = re.compile(rf"([\w.-]+/[\w.-]+)/({re.escape(FOLDER)}/[^/@]+)@(.+)")
_SKIP = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]")
_SKIP_TRAILER = re.compile(r"\n\n\n([^\n]+\n)*skip-checks: ?true\s*\Z")
"""The last one of the trailers, which stand after two empty lines."""


class Sources:
    """The workflow files of commits; what was read once is kept, by the file's hash."""

    def __init__(self, github: GitHub) -> None:
        self.github = github
        self._parsed: dict[tuple[str, str], Workflow | str] = {}

    def paths(self, repository: str, commit: str) -> dict[str, str]:
        """The workflow files of a commit, with their hashes."""
        entries = self.github.git(repository).entries(commit, path=f"{FOLDER}/")
        return {
            entry.path: entry.sha
            for entry in sorted(entries, key=lambda entry: entry.path)
            if entry.kind == "blob" and entry.path.endswith((".yml", ".yaml"))
        }

    def load(self, repository: str, commit: str, reference: str) -> Workflow:
        """A workflow file of a commit, or another repository's, as `uses` names it.

        Raises:
            InvalidWorkflow: it is not there, or cannot be run.
        """
        elsewhere = _ELSEWHERE.fullmatch(reference)
        if elsewhere:
            name, path, commit = elsewhere.groups()
            row = self.github.repository(name)
            found = self.github.git(name).resolve(commit) if row and not row["private"] else None
            if found is None:
                raise InvalidWorkflow(
                    f"{reference}: there is no such public repository, or no such commit in it"
                )
            return replace(self.load(name, found, path), origin=f"{name}@{commit}")
        path = reference
        sha = self.paths(repository, commit).get(path)
        if sha is None:
            raise InvalidWorkflow(f"{path} is not there at {commit[:7]}")
        return self._load(repository, path, sha)

    def commit(self, event: Event) -> str:
        """The commit whose workflow files count for an event."""
        row = self.github.repository(event.repository)
        if event.name in OF_THE_COMMIT or row is None:
            return event.sha
        return self.github.git(event.repository).ref(f"refs/heads/{row['default_branch']}") or event.sha

    def workflows(self, event: Event, default_branch: str) -> list[Workflow | tuple[str, str]]:
        """The workflow files that count for an event; one that cannot be read is its path and why."""
        git = self.github.git(event.repository)
        commit = event.sha if event.name in OF_THE_COMMIT else git.ref(f"refs/heads/{default_branch}")
        if not commit or commit == ZERO:
            return []
        found: list[Workflow | tuple[str, str]] = []
        for path, sha in self.paths(event.repository, commit).items():
            try:
                found.append(self._load(event.repository, path, sha))
            except InvalidWorkflow as error:
                found.append((path, str(error)))
        return found

    def _load(self, repository: str, path: str, sha: str) -> Workflow:
        known = self._parsed.get((path, sha))
        if known is None:
            try:
                known = parse_workflow(path, self.github.git(repository).blob(sha))
            except InvalidWorkflow as error:
                known = str(error)
            if len(self._parsed) >= CACHED:
                self._parsed.clear()
            self._parsed[path, sha] = known
        if isinstance(known, str):
            raise InvalidWorkflow(known)
        return known


def changed_files(github: GitHub, event: Event) -> list[str]:
    """The files that a push or a pull request changes."""
    git = github.git(event.repository)
    if event.name == "pull_request":
        pull = event.payload["pull_request"]
        between = f"{pull['base']['sha']}...{pull['head']['sha']}"
    else:
        before, after = event.payload["before"], event.payload["after"]
        row = github.repository(event.repository)
        default = git.ref(f"refs/heads/{row['default_branch']}") if row else None
        if before != ZERO:
            between = f"{before}..{after}"
        elif default and default != after and git.merge_base(default, after):
            between = f"{default}...{after}"  # of a new branch, what it adds
        else:
            between = f"{EMPTY_TREE}..{after}"
    return [
        name for name in git.text("diff", "--no-renames", "--name-only", "-z", between).split("\0") if name
    ]


def skipped(github: GitHub, event: Event) -> bool:
    """Whether a commit's message asks for no runs: that of a push's newest, or of a pull request's head.

    Only these two events can be skipped, and only as long as that commit is the newest.
    """
    if event.name == "push":
        return skips((event.payload.get("head_commit") or {}).get("message", ""))
    if event.name == "pull_request":
        head = event.payload["pull_request"]["head"]["sha"]
        return skips(github.git(event.repository).commit(head).message)
    return False


def skips(message: str) -> bool:
    """Whether a message holds `[skip ci]` or the like as GitHub spells it, or ends in `skip-checks: true`."""
    return bool(_SKIP.search(message) or _SKIP_TRAILER.search(message))


def concurrency(workflow: Workflow, event: Event, variables: Mapping[str, str]) -> tuple[str | None, bool]:
    """The workflow's concurrency group for an event, and whether it cancels what goes; (None, False) without.

    Raises:
        Unknown: an expression in it cannot be evaluated.
    """
    stated = workflow.data.get("concurrency")
    if not stated:
        return None, False
    group, cancels = (
        (stated.get("group"), stated.get("cancel-in-progress")) if isinstance(stated, dict) else (stated, 0)
    )
    context = {
        "github": _github_context(workflow, event),
        "inputs": _inputs(workflow, event),
        "vars": variables,
    }
    name = evaluate("" if group is None else str(group), context)
    return name.lower() or None, truth(str(cancels or False), context)


def _github_context(workflow: Workflow, event: Event) -> dict[str, Any]:
    pull = event.payload.get("pull_request") if event.name == "pull_request" else None
    return {
        "actor": event.actor,
        "base_ref": pull["base"]["ref"] if pull else "",
        "event": event.payload,
        "event_name": event.name,
        "head_ref": pull["head"]["ref"] if pull else "",
        "ref": event.ref,
        "ref_name": event.ref.removeprefix("refs/").partition("/")[2] or event.ref,
        "ref_type": "tag" if event.ref.startswith("refs/tags/") else "branch",
        "repository": event.repository,
        "repository_owner": event.repository.partition("/")[0],
        "sha": event.sha,
        "triggering_actor": event.actor,
        "workflow": workflow.name,
    }


def _inputs(workflow: Workflow, event: Event) -> dict[str, Any]:
    """The inputs of a dispatch, those of type boolean as booleans."""
    stated = workflow.on.get("workflow_dispatch", {}).get("inputs") or {}
    given = event.payload.get("inputs") or {}
    return {
        name: value == "true" if (stated.get(name) or {}).get("type") == "boolean" else value
        for name, value in given.items()
    }


def run_values(event: Event) -> dict[str, Any]:
    """The columns of a run that come from its event.

    People see a run of a pull request at the pull request's head, not at the test merge that it runs for.
    """
    head = event.payload["pull_request"]["head"] if event.name in OF_A_PULL else {}
    return {
        "repository": event.repository,
        "event": event.name,
        "head_sha": head.get("sha") or event.sha,
        "head_branch": head.get("ref") or event.ref.split("/", 2)[-1],
        "head_repository": (head.get("repo") or {}).get("full_name") or event.repository,
        "actor": event.actor,
        "trigger": describe(event),
    }
