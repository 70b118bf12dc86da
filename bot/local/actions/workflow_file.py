"""A workflow file: what starts it, what it may do, and what its jobs are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from bot.local.github.state import Event

PULL_REQUEST_TYPES = ("opened", "synchronize", "reopened")
"""GitHub's default `types` of pull_request; other events start for every action."""


class InvalidWorkflow(Exception):
    """A workflow file that cannot be run; the message says why."""


@dataclass(frozen=True)
class Workflow:
    """A workflow file's content.

    Attributes:
        path: below the repository's root, as `.github/workflows/lint.yml`.
        on: event name -> its filters.
        data: the file as YAML says it.
    """

    path: str
    name: str
    on: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, Any]

    @property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        jobs: Mapping[str, Mapping[str, Any]] = self.data["jobs"]
        return jobs

    def permissions(self, job: str) -> dict[str, str]:
        """What the GITHUB_TOKEN of a job may do; a job's own `permissions` replace the workflow's."""
        stated = self.jobs[job].get("permissions", self.data.get("permissions", {"contents": "read"}))
        if stated in ("read-all", "write-all"):
            level = stated.removesuffix("-all")
            areas = ("actions", "checks", "contents", "issues", "pull-requests", "statuses")
            return dict.fromkeys(areas, level)
        return {str(area): str(level) for area, level in (stated or {}).items()}

    def uses(self) -> set[str]:
        """The third-party actions that the jobs' steps name, as `owner/name@ref`."""
        steps = [step for job in self.jobs.values() for step in job.get("steps", ())]
        named = {str(step["uses"]).split(" ")[0] for step in steps if "uses" in step}
        return {use for use in named if not use.startswith("./")}


def parse_workflow(path: str, text: bytes) -> Workflow:
    """Read a workflow file.

    Raises:
        InvalidWorkflow: it is not YAML, or lacks what a workflow needs.
    """
    try:
        data = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidWorkflow(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict) or not isinstance(data.get("jobs"), dict):
        raise InvalidWorkflow(f"{path} has no jobs")
    # YAML 1.1 reads a bare `on` as true.
    on = data.get("on", data.get(True))
    if isinstance(on, str):
        on = {on: {}}
    elif isinstance(on, list):
        on = {str(name): {} for name in on}
    elif not isinstance(on, dict):
        raise InvalidWorkflow(f"{path} does not say on which events it runs")
    filters = {str(name): (given if isinstance(given, dict) else {}) for name, given in on.items()}
    return Workflow(path, str(data.get("name", path)), filters, data)


def starts(workflow: Workflow, event: Event, changed: Sequence[str]) -> bool:
    """Whether an event starts a workflow.

    Args:
        changed: the files that a push or pull request changes, for `paths`.
    """
    if event.name not in workflow.on:
        return False
    filters = workflow.on[event.name]
    types = filters.get("types", PULL_REQUEST_TYPES if event.name == "pull_request" else None)
    if types is not None and event.action and event.action not in _listed(types):
        return False
    if event.name == "workflow_run":
        return str(event.payload["workflow_run"]["name"]) in _listed(filters.get("workflows", ()))
    if event.name in ("push", "pull_request"):
        return _branch_fits(filters, event) and _paths_fit(filters, changed)
    return True


def _branch_fits(filters: Mapping[str, Any], event: Event) -> bool:
    if event.name == "pull_request":
        branch, kind = str(event.payload["pull_request"]["base"]["ref"]), "branches"
    else:
        kind = "tags" if event.ref.startswith("refs/tags/") else "branches"
        branch = event.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        other = "branches" if kind == "tags" else "tags"
        if kind not in filters and f"{kind}-ignore" not in filters and other in filters:
            return False
    if kind in filters and not matches(branch, _listed(filters[kind])):
        return False
    return not (f"{kind}-ignore" in filters and matches(branch, _listed(filters[f"{kind}-ignore"])))


def _paths_fit(filters: Mapping[str, Any], changed: Sequence[str]) -> bool:
    if "paths" in filters:
        return any(matches(path, _listed(filters["paths"])) for path in changed)
    if "paths-ignore" in filters:
        return any(not matches(path, _listed(filters["paths-ignore"])) for path in changed)
    return True


def matches(name: str, patterns: Sequence[str]) -> bool:
    """GitHub's filter patterns: `*` stays within a folder, `**` does not, a later `!` takes back."""
    found = False
    for pattern in patterns:
        negative = pattern.startswith("!")
        if _pattern(pattern.removeprefix("!")).fullmatch(name):
            found = not negative
    return found


def _pattern(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/?|\*|\?)", pattern)
    signs = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(signs.get(part, re.escape(part)) for part in parts))


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
