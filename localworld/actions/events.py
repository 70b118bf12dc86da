"""Events and workflows: the workflow files of an event, its changed files and its concurrency group."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from localworld.actions.expressions import evaluate, truth
from localworld.actions.workflow_file import FOLDER, InvalidWorkflow, Workflow, parse_workflow
from localworld.github.event import Event
from localworld.github.git import ZERO
from localworld.github.state import GitHub

OF_A_PULL = ("pull_request", "pull_request_review", "pull_request_review_comment")
OF_THE_COMMIT = ("push", *OF_A_PULL, "merge_group", "workflow_dispatch")
"""Events that use the workflow files of the event's commit; all others use the default branch's.

For pull request events, the commit is the test merge, which includes workflow files of the pull request.
"""
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
CACHED = 256
_ELSEWHERE = re.compile(rf"([\w.-]+/[\w.-]+)/({re.escape(FOLDER)}/[^/@]+)@(.+)")
_SKIP = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]")
_SKIP_TRAILER = re.compile(r"\n\n\n([^\n]+\n)*skip-checks: ?true\s*\Z")
"""`skip-checks: true` as the last trailer; trailers follow two empty lines."""


class Sources:
    """The workflow files of commits, with a cache of parsed files by the hash of their content."""

    def __init__(self, github: GitHub) -> None:
        self.github = github
        self._parsed: dict[tuple[str, str], Workflow | str] = {}

    def paths(self, repository: str, commit: str) -> dict[str, str]:
        """Return path -> git hash of the workflow files in a commit."""
        entries = self.github.git(repository).entries(commit, path=f"{FOLDER}/")
        return {
            entry.path: entry.sha
            for entry in sorted(entries, key=lambda entry: entry.path)
            if entry.kind == "blob" and entry.path.endswith((".yml", ".yaml"))
        }

    def load(self, repository: str, commit: str, reference: str) -> Workflow:
        """Read a workflow file of this repository or another one.

        Args:
            repository: this repository, as owner/name.
            commit: the commit of this repository.
            reference: a path in this repository, or `owner/name/path@ref` of a public one, as in `uses`.

        Raises:
            InvalidWorkflow: the file does not exist or is invalid.
        """
        elsewhere = _ELSEWHERE.fullmatch(reference)
        if elsewhere:
            name, path, commit = elsewhere.groups()
            row = self.github.repository(name)
            found = self.github.git(name).resolve(commit) if row and not row["private"] else None
            if found is None:
                raise InvalidWorkflow(
                    f"{reference}: no public repository with this name, or no such commit in it"
                )
            return replace(self.load(name, found, path), origin=f"{name}@{commit}")
        path = reference
        sha = self.paths(repository, commit).get(path)
        if sha is None:
            raise InvalidWorkflow(f"{path} does not exist at commit {commit[:7]}")
        return self._load(repository, path, sha)

    def commit(self, event: Event) -> str:
        """Return the commit that provides the workflow files for an event."""
        row = self.github.repository(event.repository)
        if event.name in OF_THE_COMMIT or row is None:
            return event.sha
        return self.github.git(event.repository).ref(f"refs/heads/{row['default_branch']}") or event.sha

    def workflows(self, event: Event, default_branch: str) -> list[Workflow | tuple[str, str]]:
        """Return the workflow files for an event; an invalid file is returned as (path, reason)."""
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
    """Return the paths that a push or a pull request changes."""
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
            between = f"{default}...{after}"  # a new branch: its changes since the default branch
        else:
            between = f"{EMPTY_TREE}..{after}"
    return [
        name for name in git.text("diff", "--no-renames", "--name-only", "-z", between).split("\0") if name
    ]


def skipped(github: GitHub, event: Event) -> bool:
    """Return whether a commit message skips an event's runs, for instance with `[skip ci]`.

    Only two events can be skipped: a push, by the message of its newest commit, and a pull request event, by
    the message of its head commit.
    """
    if event.name == "push":
        return skips((event.payload.get("head_commit") or {}).get("message", ""))
    if event.name == "pull_request":
        head = event.payload["pull_request"]["head"]["sha"]
        return skips(github.git(event.repository).commit(head).message)
    return False


def skips(message: str) -> bool:
    """Return whether a commit message has one of GitHub's skip marks or ends with `skip-checks: true`."""
    return bool(_SKIP.search(message) or _SKIP_TRAILER.search(message))


def concurrency(workflow: Workflow, event: Event, variables: Mapping[str, str]) -> tuple[str | None, bool]:
    """Evaluate a workflow's `concurrency` for an event.

    Args:
        variables: the repository's variables, for `vars` in expressions.

    Returns:
        The group's name in lower case, and whether the run cancels the running one of its group; (None,
        False) if the workflow has no concurrency group.

    Raises:
        Unknown: an expression in it cannot be evaluated.
    """
    setting = workflow.data.get("concurrency")
    if not setting:
        return None, False
    group, cancels = (
        (setting.get("group"), setting.get("cancel-in-progress"))
        if isinstance(setting, dict)
        else (setting, 0)
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
    """Return the inputs of a workflow dispatch; inputs of type boolean are converted to bool."""
    defined = workflow.on.get("workflow_dispatch", {}).get("inputs") or {}
    given = event.payload.get("inputs") or {}
    return {
        name: value == "true" if (defined.get(name) or {}).get("type") == "boolean" else value
        for name, value in given.items()
    }


def run_values(event: Event) -> dict[str, Any]:
    """Return the columns of a run's row that depend on its event.

    For pull request events, `head_sha` is the pull request's head, although the run uses the test merge.
    """
    head = event.payload["pull_request"]["head"] if event.name in OF_A_PULL else {}
    return {
        "repository": event.repository,
        "event": event.name,
        "head_sha": head.get("sha") or event.sha,
        "head_branch": head.get("ref") or event.ref.split("/", 2)[-1],
        "head_repository": (head.get("repo") or {}).get("full_name") or event.repository,
        "actor": event.actor,
        "trigger": json.dumps(asdict(event)),
    }
