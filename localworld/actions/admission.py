"""Admission of a run's jobs: runner labels, environments, concurrency groups, timeouts, token permissions."""

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localworld.actions.concurrency import Deadlock, Groups, Member
from localworld.actions.deployments import Deployment, Deployments
from localworld.actions.jit import JitRunners
from localworld.actions.prepare import Gate
from localworld.actions.workflow_file import Workflow

LABELS = ("ubuntu-latest", "ubuntu-24.04", "self-hosted", "linux", "x64", "gpu", "store")
"""Runner labels of this machine; a job that asks for another label needs a just-in-time runner."""
DEFAULT_TIMEOUT_MIN = 360.0
_RANKS = ("none", "read", "write")


@dataclass(eq=False)
class Entrant:
    """A job that has asked to start."""

    gate: Gate
    member: Member
    timeout_min: float
    labels: tuple[str, ...]
    refusal: str = ""
    deployment: Deployment | None = None
    goes: bool = False
    timer: threading.Timer | None = None

    @property
    def waits_for_review(self) -> bool:
        """Whether the job waits for the protection rules of its environment."""
        return self.deployment is not None and not self.goes and not self.refusal


class Admission:
    """The gates of one run's jobs.

    A gate identifies its job by a ticket, a random ID that the first answer contains.

    Args:
        run_id: the run's id.
        repository: the run's repository, as owner/name.
        groups: the concurrency groups of all runs.
        gates: the gates, by the key that the gate's step sends.
        called: the called workflow, by (file reference, job) of each job that calls one.
        workflows: the run's workflow and all called ones, by reference.
        cancel: cancels a job, given its ticket and the reason.
        grant: sets the permissions of the run's GITHUB_TOKEN.
        deployments: the run's deployments, for jobs of an environment.
        equip: returns the job's environment, outputs and machine, given its ticket, the job and its token
            permissions.
        default: the token's permissions if a workflow does not define any: `read` or `write`.
        jit: the connected just-in-time runners.
    """

    def __init__(
        self,
        run_id: int,
        repository: str,
        groups: Groups,
        gates: Mapping[str, Gate],
        called: Mapping[tuple[str, str], Workflow],
        workflows: Mapping[str, Workflow],
        cancel: Callable[[str, str], None],
        grant: Callable[[dict[str, str]], None],
        deployments: Deployments,
        equip: Callable[[str, Entrant, Mapping[str, str]], dict[str, dict[str, str]]],
        default: str,
        jit: JitRunners,
    ) -> None:
        self.run_id, self.repository, self.groups, self.gates = run_id, repository, groups, gates
        self.called, self.workflows = called, workflows
        self._cancel, self._grant, self._default = cancel, grant, default
        self._deployments, self._equip, self._jit = deployments, equip, jit
        self._lock = threading.RLock()
        self._entrants: dict[str, Entrant] = {}

    @property
    def waits_for_review(self) -> bool:
        """Whether jobs wait for the rules of their environments and no job is running."""
        with self._lock:
            entrants = self._entrants.values()
            return any(one.waits_for_review for one in entrants) and not any(one.goes for one in entrants)

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """Answer a gate that asks whether its job may start.

        Args:
            question: in the first request the gate's key and the job's settings; later the job's ticket.

        Returns:
            The ticket (`job`), the state (`go`, `wait` or `refused`), the reason (`why`) and whether the job
            waits for a review. The first answer with `go` also has the result of `equip`. None if the key or
            the ticket is unknown.
        """
        with self._lock:
            ticket = str(question.get("job", ""))
            if not ticket:
                gate = self.gates.get(str(question.get("key", "")))
                if gate is None:
                    return None
                ticket = secrets.token_hex(8)
                self._entrants[ticket] = self._entrant(ticket, gate, question)
            entrant = self._entrants.get(ticket)
            if entrant is None:
                return None
            equipment: dict[str, dict[str, str]] = {}
            if not entrant.goes and not entrant.refusal and self._enters(ticket, entrant):
                equipment = self._begin(ticket, entrant)
            state = "refused" if entrant.refusal else "go" if entrant.goes else "wait"
            review = entrant.waits_for_review
            return {"job": ticket, "state": state, "why": entrant.refusal, "review": review, **equipment}

    def _enters(self, ticket: str, entrant: Entrant) -> bool:
        """Return whether environment, groups and runners let a job start; set its refusal if not."""
        if entrant.deployment is not None:
            free, entrant.refusal = self._deployments.verdict(entrant.deployment)
            if not free:
                return False
        if not self.groups.enter(entrant.member):
            return False
        return not unserved(entrant.labels) or self._jit.take(ticket, self.repository, entrant.labels)

    def leave(self, ticket: str) -> None:
        """Remove a job that has ended: free its groups and withdraw its token permissions."""
        with self._lock:
            entrant = self._entrants.pop(ticket, None)
            if entrant is None:
                return
            if entrant.timer:
                entrant.timer.cancel()
            self.groups.leave(entrant.member)
            if entrant.deployment:
                self._deployments.end(entrant.deployment)
            self._grant(self._granted())

    @property
    def waits(self) -> bool:
        """Whether all jobs of the run wait at their gates, so that the run does not occupy a runner."""
        with self._lock:
            return bool(self._entrants) and not any(
                entrant.goes or entrant.refusal for entrant in self._entrants.values()
            )

    def close(self) -> None:
        """Remove all jobs at the end of the run."""
        for ticket in list(self._entrants):
            self.leave(ticket)

    def _entrant(self, ticket: str, gate: Gate, question: Mapping[str, Any]) -> Entrant:
        """Register the job of a gate's first question: join its groups and open its deployment, or refuse."""
        requested = question.get("groups") or []
        names = [str(group["group"]).lower() for group in requested]
        # All jobs of a called workflow share the workflow's group; a job does not share its own group.
        shared = dict.fromkeys(names[: gate.outer], f"{self.run_id} {gate.workflow.reference}")
        member = Member(
            self.run_id,
            self.repository,
            {name: shared.get(name, "") for name in names if name},
            {name for name, group in zip(names, requested, strict=True) if group["cancels"]},
            lambda why: self._supersede(ticket, why),
        )
        labels = _labels(question)
        entrant = Entrant(
            gate,
            member,
            _minutes(question.get("timeout")),
            labels,
            gate.refusal or self._no_runner(gate, labels),
        )
        if not entrant.refusal:
            try:
                self.groups.join(member)
            except Deadlock as deadlock:
                entrant.refusal = str(deadlock)
        environment = str(question.get("environment") or "").strip()
        if environment and not entrant.refusal:
            entrant.deployment = self._deployments.open(environment)
        return entrant

    def _no_runner(self, gate: Gate, labels: tuple[str, ...]) -> str:
        """Return why no runner can take a job, or ""."""
        if not (unknown := unserved(labels)):
            return ""
        if not self._jit.registered(self.repository, labels):
            found = f"no local runner has the label {', '.join(unknown)}"
            return f"{found}; available labels: {', '.join(LABELS)}"
        if any("uses" in step for step in gate.workflow.jobs[gate.job].get("steps") or ()):
            return "in the local world, just-in-time runners run only steps with `run`"
        return ""

    def _supersede(self, ticket: str, why: str) -> None:
        """Cancel a job that a later job of its concurrency group replaces."""
        with self._lock:
            entrant = self._entrants.get(ticket)
            if entrant is not None and not entrant.goes:
                entrant.refusal = why
        self._cancel(ticket, why)

    def _begin(self, ticket: str, entrant: Entrant) -> dict[str, dict[str, str]]:
        entrant.goes = True
        if entrant.deployment:
            self._deployments.end(entrant.deployment)
        minutes = entrant.timeout_min
        why = f"The job has exceeded the maximum execution time of {minutes:g} minutes"
        entrant.timer = threading.Timer(60 * minutes, self._cancel, [ticket, why])
        entrant.timer.daemon = True
        entrant.timer.start()
        self._grant(self._granted())
        permissions = self._permissions(entrant.gate.workflow, entrant.gate.job)
        return self._equip(ticket, entrant, permissions)

    def _granted(self) -> dict[str, str]:
        granted: dict[str, str] = {}
        for entrant in self._entrants.values():
            if entrant.goes:
                _unite(granted, self._permissions(entrant.gate.workflow, entrant.gate.job))
        return granted

    def _permissions(self, workflow: Workflow, job: str) -> dict[str, str]:
        """Return a job's token permissions; in a called workflow, at most those of the calling job."""
        callers = [caller for caller, target in self.called.items() if target is workflow]
        if not callers:
            return workflow.permissions(job, self._default)
        allowed: dict[str, str] = {}
        for file, caller in callers:
            _unite(allowed, self._permissions(self.workflows[file], caller))
        if "permissions" not in workflow.jobs[job] and "permissions" not in workflow.data:
            return allowed
        requested = workflow.permissions(job)
        return {
            area: min(level, requested.get(area, "none"), key=_RANKS.index) for area, level in allowed.items()
        }


def _unite(granted: dict[str, str], more: Mapping[str, str]) -> None:
    """Add permissions to `granted`, keeping the higher level of each area."""
    for area, level in more.items():
        granted[area] = max(granted.get(area, "none"), level if level in _RANKS else "none", key=_RANKS.index)


def _minutes(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return DEFAULT_TIMEOUT_MIN


def _labels(question: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the labels of `runs-on`, which the gate sends as JSON."""
    try:
        labels = json.loads(question.get("labels") or '""')
    except ValueError:
        labels = str(question["labels"])
    if isinstance(labels, dict):
        labels = labels.get("labels", [])
    return tuple(str(label) for label in (labels if isinstance(labels, list) else [labels]))


def unserved(labels: Iterable[str]) -> list[str]:
    """Return the labels that this machine does not have."""
    return [label for label in labels if label.lower() not in LABELS]
