"""Workflow files: their triggers, token permissions and jobs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from localworld.github.event import Event
from localworld.github.git import ZERO

FOLDER = ".github/workflows"
PULL_REQUEST_TYPES = ("opened", "synchronize", "reopened")
"""GitHub's default `types` of pull_request; other events have no default and start for every action."""
SIZE_LIMIT, NODE_LIMIT = 512 * 1024, 50_000
_AREAS = ("actions", "checks", "contents", "deployments", "id-token", "issues", "pull-requests", "statuses")
_FILTERS = (
    "branches",
    "branches-ignore",
    "paths",
    "paths-ignore",
    "tags",
    "tags-ignore",
    "types",
    "workflows",
)
_FILTERED = ("push", "pull_request", "workflow_run")


class InvalidWorkflow(Exception):
    """A workflow file that is invalid or cannot run; the message has the reason."""


@dataclass(frozen=True)
class Workflow:
    """A parsed workflow file.

    Attributes:
        path: the path from the repository's root, such as `.github/workflows/lint.yml`.
        name: the workflow's `name`, or its path.
        on: event name -> the event's filters.
        data: the parsed YAML.
        text: the content of the file.
        origin: repository and commit of a file of another repository, such as `lab/tools@3d3c42e`; otherwise
            empty.
    """

    path: str
    name: str
    on: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, Any]
    text: bytes = b""
    origin: str = ""

    @property
    def reference(self) -> str:
        """A unique ID of the workflow in a run: its path, or `owner/name/path@commit` as in `uses`."""
        repository, _, commit = self.origin.partition("@")
        return f"{repository}/{self.path}@{commit}" if self.origin else self.path

    @property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        jobs: Mapping[str, Mapping[str, Any]] = self.data["jobs"]
        return jobs

    def permissions(self, job: str, default: str = "read") -> dict[str, str]:
        """Return the GITHUB_TOKEN's permissions in a job; a job's `permissions` replace the workflow's.

        Args:
            job: the job's id.
            default: the repository's default if there are no `permissions`: `read` (only contents) or `write`
                (everything).
        """
        fallback = {"contents": "read"} if default == "read" else "write-all"
        found = self.jobs[job].get("permissions", self.data.get("permissions", fallback))
        if found in ("read-all", "write-all"):
            return dict.fromkeys(_AREAS, str(found).removesuffix("-all"))
        return {str(area): str(level) for area, level in (found or {}).items()}

    def uses(self, job: str) -> set[str]:
        """Return the third-party actions that a job's steps use, as `owner/name@ref`."""
        named = {str(step["uses"]) for step in self.jobs[job].get("steps") or () if "uses" in step}
        return {use for use in named if not use.startswith("./")}

    def calls(self) -> dict[str, str]:
        """Return job id -> reference of the called workflow; `./` means the repository of this file."""
        used = {job: str(content["uses"]) for job, content in self.jobs.items() if "uses" in content}
        beside = {job: replace(self, path=use.removeprefix("./")) for job, use in used.items()}
        return {job: beside[job].reference if use.startswith("./") else use for job, use in used.items()}


def parse_workflow(path: str, text: bytes) -> Workflow:
    """Parse a workflow file.

    Raises:
        InvalidWorkflow: the file is not YAML, is too large, or misses something that a workflow needs.
    """
    if len(text) > SIZE_LIMIT:
        raise InvalidWorkflow(f"{path} is larger than {SIZE_LIMIT // 1024} KiB")
    try:
        if _size(yaml.compose(text, Loader=yaml.CSafeLoader), {}) > NODE_LIMIT:
            raise InvalidWorkflow(f"{path} has more than {NODE_LIMIT} values after expansion of YAML aliases")
        data = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise InvalidWorkflow(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict) or not isinstance(data.get("jobs"), dict) or not data["jobs"]:
        raise InvalidWorkflow(f"{path} has no jobs")
    _check_jobs(path, data["jobs"])
    granted = data.get("permissions", {})
    if granted is not None and not isinstance(granted, dict) and granted not in ("read-all", "write-all"):
        raise InvalidWorkflow(f"{path}: permissions must be a mapping, read-all or write-all")
    # YAML 1.1 parses an unquoted `on` as true.
    return Workflow(
        path, str(data.get("name") or path), _events(path, data.get("on", data.get(True))), data, text
    )


def _size(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Return the number of values in a node after expansion of aliases; over NODE_LIMIT if recursive."""
    if node is None or isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = NODE_LIMIT + 1
        children = [child for item in node.value for child in (item if isinstance(item, tuple) else (item,))]
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]


def _check_jobs(path: str, jobs: Mapping[Any, Any]) -> None:
    """Check the parts of jobs that act's validation ignores, or that are used before it.

    Raises:
        InvalidWorkflow: a job is invalid.
    """
    for key, job in jobs.items():
        if not isinstance(key, str) or not isinstance(job, dict):
            raise InvalidWorkflow(f"{path}: the job {key} must be a mapping")
        steps = job.get("steps") or []
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            raise InvalidWorkflow(f"{path}: the steps of the job {key} must be a list of mappings")
        granted = job.get("permissions")
        if granted is not None and not isinstance(granted, dict) and granted not in ("read-all", "write-all"):
            raise InvalidWorkflow(
                f"{path}: the permissions of the job {key} must be a mapping, read-all or write-all"
            )
        for needed in _listed(job.get("needs") or []):
            if needed not in jobs:
                raise InvalidWorkflow(f"{path}: the job {key} needs {needed}, which does not exist")


def _events(path: str, on: Any) -> dict[str, dict[str, Any]]:
    """Return event name -> filters from the value of `on`; raise InvalidWorkflow if it is invalid."""
    if isinstance(on, str):
        on = {on: {}}
    elif isinstance(on, list):
        on = {str(name): {} for name in on}
    elif not isinstance(on, dict):
        raise InvalidWorkflow(f"{path}: `on` must name the events that start the workflow")
    events = {str(name): (given if isinstance(given, dict) else {}) for name, given in on.items()}
    inputs = events.get("workflow_dispatch", {}).get("inputs") or {}
    if not isinstance(inputs, dict) or not all(isinstance(one or {}, dict) for one in inputs.values()):
        raise InvalidWorkflow(f"{path}: the inputs of workflow_dispatch must be a mapping of mappings")
    for name in _FILTERED:
        for kind, patterns in events.get(name, {}).items():
            if kind not in _FILTERS:
                raise InvalidWorkflow(f"{path}: unknown filter {kind} of the event {name}")
            for pattern in _listed(patterns):
                try:
                    _pattern(pattern.removeprefix("!"))
                except re.error:
                    raise InvalidWorkflow(f"{path}: {pattern!r} is not a valid filter pattern") from None
            if f"{kind}-ignore" in events[name]:
                raise InvalidWorkflow(f"{path}: {name} has both {kind} and {kind}-ignore; use one")
    return events


def starts(workflow: Workflow, event: Event, changed: Callable[[], Sequence[str]]) -> bool:
    """Return whether an event starts a workflow.

    Args:
        changed: returns the paths that a push or pull request changes; called only if `paths` are filtered.
    """
    if event.name not in workflow.on:
        return False
    filters = workflow.on[event.name]
    types = filters.get("types", PULL_REQUEST_TYPES if event.name == "pull_request" else None)
    if types is not None and event.action and event.action not in _listed(types):
        return False
    if event.name == "workflow_run":
        run = event.payload["workflow_run"]
        named = run["name"] in _listed(filters.get("workflows", ()))
        return named and _fits(filters, "branches", str(run["head_branch"]))
    if event.name == "pull_request":
        pull = event.payload["pull_request"]
        # With conflicts there is no test merge, so the event's commit is the head; GitHub then runs nothing.
        conflicts = event.action != "closed" and event.sha == pull["head"]["sha"]
        return (
            not conflicts and _fits(filters, "branches", pull["base"]["ref"]) and _touched(filters, changed)
        )
    if event.name == "push":
        return _push_starts(filters, event, changed)
    return True


def _push_starts(filters: Mapping[str, Any], event: Event, changed: Callable[[], Sequence[str]]) -> bool:
    if event.payload.get("after") == ZERO:
        return False
    tag = event.ref.startswith("refs/tags/")
    kind, other = ("tags", "branches") if tag else ("branches", "tags")
    # If filters name only the other kind of ref, this kind does not start the workflow.
    if not _names(filters, kind) and _names(filters, other):
        return False
    name = event.ref.split("/", 2)[-1]
    return _fits(filters, kind, name) and (tag or _touched(filters, changed))


def _names(filters: Mapping[str, Any], kind: str) -> bool:
    return kind in filters or f"{kind}-ignore" in filters


def _fits(filters: Mapping[str, Any], kind: str, name: str) -> bool:
    if kind in filters:
        return matches(name, _listed(filters[kind]))
    return not matches(name, _listed(filters.get(f"{kind}-ignore", ())))


def _touched(filters: Mapping[str, Any], changed: Callable[[], Sequence[str]]) -> bool:
    if "paths" in filters:
        return any(matches(path, _listed(filters["paths"])) for path in changed())
    if "paths-ignore" in filters:
        return any(not matches(path, _listed(filters["paths-ignore"])) for path in changed())
    return True


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name matches GitHub's filter patterns; a later `!` pattern excludes matches again."""
    found = False
    for pattern in patterns:
        negative = pattern.startswith("!")
        if _matches(name, _pattern(pattern.removeprefix("!"))):
            found = not negative
    return found


@dataclass(frozen=True)
class _Part:
    """A part of a pattern: any number of characters of `repeated`, then one of `one`.

    Attributes:
        one: a character or set in regular-expression syntax; empty for none.
        repeated: likewise.
        optional: whether the whole part can be absent.
    """

    one: str
    repeated: str = ""
    optional: bool = False


def _pattern(pattern: str) -> list[_Part]:
    """Split a filter pattern into parts.

    `*` matches within a folder, `**` across folders; `?` and `+` follow a character; `[…]` is a set.

    Raises:
        re.error: a set is invalid.
    """
    parts: list[_Part] = []
    for sign in re.findall(r"\*\*/?|\[[^\]]+\]|\\.|.", pattern, re.DOTALL):
        if sign == "**/":
            parts.append(_Part("/", r"[\s\S]", optional=True))
        elif sign in ("*", "**"):
            parts.append(_Part("", r"[\s\S]" if sign == "**" else "[^/]", optional=True))
        elif sign in ("?", "+") and parts and parts[-1].one:
            one = parts.pop().one
            parts.append(_Part(one, optional=True) if sign == "?" else _Part(one, one))
        else:
            one = sign if len(sign) > 2 else re.escape(sign[-1])
            re.compile(one)
            parts.append(_Part(one))
    return parts


def _matches(name: str, parts: Sequence[_Part]) -> bool:
    """Return whether a name matches a pattern, by simulating an automaton.

    The time is proportional to the name's length times the pattern's. Regular expressions could take
    exponential time, and patterns can come from pull requests.
    """
    states = _open({0}, parts)
    for character in name:
        states = _open(
            {
                following
                for state in states
                if state < len(parts)
                for following, wanted in ((state, parts[state].repeated), (state + 1, parts[state].one))
                if wanted and re.fullmatch(wanted, character)
            },
            parts,
        )
    return len(parts) in states


def _open(states: set[int], parts: Sequence[_Part]) -> set[int]:
    """Return these states and those that can be reached from them by skipping optional parts."""
    found = set(states)
    for state in range(len(parts)):
        if state in found and parts[state].optional:
            found.add(state + 1)
    return found


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
