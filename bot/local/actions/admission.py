"""Where the jobs of a run are let in: labels, environments, groups, timeouts, what the token may do."""

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.local.actions.concurrency import Deadlock, Groups, Member
from bot.local.actions.deployments import Deployment, Deployments
from bot.local.actions.prepare import Gate
from bot.local.actions.workflow_file import Workflow

LABELS = ("ubuntu-latest", "ubuntu-24.04", "self-hosted", "linux", "x64", "gpu")
"""Runner labels that this machine answers to; a job that asks for another fails."""
DEFAULT_TIMEOUT_MIN = 360.0
_RANKS = ("none", "read", "write")


@dataclass(eq=False)
class Entrant:
    """A job that asked to begin."""

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
        """Whether it waits for the rules of its environment."""
        return self.deployment is not None and not self.goes and not self.refusal


class Admission:
    """The gates of one run.

    Args:
        groups: the concurrency groups, of all runs.
        called: (file, job) -> workflow, of all jobs that call another workflow.
        workflows: all of them, by reference.
        cancel: ends a job by its ticket, with the reason.
        grant: sets what the run's token may do.
        deployments: where jobs of an environment wait for its rules.
        equip: the variables that a job's steps get beyond the run's, by its ticket and what it may do.
        default: what it may where a workflow states nothing: `read` or `write`.
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
    ) -> None:
        self.run_id, self.repository, self.groups, self.gates = run_id, repository, groups, gates
        self.called, self.workflows = called, workflows
        self._cancel, self._grant, self._default = cancel, grant, default
        self._deployments, self._equip = deployments, equip
        self._lock = threading.RLock()
        self._entrants: dict[str, Entrant] = {}

    @property
    def waits_for_review(self) -> bool:
        """Whether nothing goes but jobs that wait for the rules of their environments."""
        with self._lock:
            entrants = self._entrants.values()
            return any(one.waits_for_review for one in entrants) and not any(one.goes for one in entrants)

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer to a gate: the job's ticket, `go`, `wait` or `refused`, and why; None to a stranger.

        With the first `go`, and only with this one, come the variables and outputs that the job gets.
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
            if not entrant.goes and not entrant.refusal and self._enters(entrant):
                equipment = self._begin(ticket, entrant)
            state = "refused" if entrant.refusal else "go" if entrant.goes else "wait"
            review = entrant.waits_for_review
            return {"job": ticket, "state": state, "why": entrant.refusal, "review": review, **equipment}

    def _enters(self, entrant: Entrant) -> bool:
        """Whether a job's environment and groups let it begin now; sets its refusal where they never will."""
        if entrant.deployment is not None:
            free, entrant.refusal = self._deployments.verdict(entrant.deployment)
            if not free:
                return False
        return self.groups.enter(entrant.member)

    def leave(self, ticket: str) -> None:
        """A job has ended: others of its groups may go, and what only it was permitted is so no more."""
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
        """Whether all jobs that have begun wait for their groups, so that the run needs no runner yet."""
        with self._lock:
            return bool(self._entrants) and not any(
                entrant.goes or entrant.refusal for entrant in self._entrants.values()
            )

    def close(self) -> None:
        """The run has ended."""
        for ticket in list(self._entrants):
            self.leave(ticket)

    def _entrant(self, ticket: str, gate: Gate, question: Mapping[str, Any]) -> Entrant:
        stated = question.get("groups") or []
        names = [str(group["group"]).lower() for group in stated]
        # A called workflow's own group is held by all of its jobs together, a job's by each by itself.
        shared = dict.fromkeys(names[: gate.outer], f"{self.run_id} {gate.workflow.reference}")
        member = Member(
            self.run_id,
            self.repository,
            {name: shared.get(name, "") for name in names if name},
            {name for name, group in zip(names, stated, strict=True) if group["cancels"]},
            lambda why: self._supersede(ticket, why),
        )
        labels = _labels(question)
        entrant = Entrant(
            gate, member, _minutes(question.get("timeout")), labels, gate.refusal or _unserved(labels)
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

    def _supersede(self, ticket: str, why: str) -> None:
        """Another job takes this one's place in a group."""
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
        """What a job may do; in a called workflow at most what the job that calls it may."""
        callers = [caller for caller, target in self.called.items() if target is workflow]
        if not callers:
            return workflow.permissions(job, self._default)
        allowed: dict[str, str] = {}
        for file, caller in callers:
            _unite(allowed, self._permissions(self.workflows[file], caller))
        if "permissions" not in workflow.jobs[job] and "permissions" not in workflow.data:
            return allowed
        stated = workflow.permissions(job)
        return {
            area: min(level, stated.get(area, "none"), key=_RANKS.index) for area, level in allowed.items()
        }


def _unite(granted: dict[str, str], more: Mapping[str, str]) -> None:
    for area, level in more.items():
        granted[area] = max(granted.get(area, "none"), level if level in _RANKS else "none", key=_RANKS.index)


def _minutes(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return DEFAULT_TIMEOUT_MIN


def _labels(question: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of `runs-on`."""
    try:
        labels = json.loads(question.get("labels") or '""')
    except ValueError:
        labels = str(question["labels"])
    if isinstance(labels, dict):
        labels = labels.get("labels", [])
    return tuple(str(label) for label in (labels if isinstance(labels, list) else [labels]))


def _unserved(labels: Iterable[str]) -> str:
    """Why no runner here takes the job; empty if one does."""
    unknown = [label for label in labels if label.lower() not in LABELS]
    return (
        f"no runner here has the label {', '.join(unknown)}; there are {', '.join(LABELS)}" if unknown else ""
    )
