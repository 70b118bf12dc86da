"""Concurrency groups: in each, one member runs and one waits; a later member replaces the waiting one."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


class Deadlock(Exception):
    """A job waits for a concurrency group that its own run holds; the message names the group."""


@dataclass(eq=False)
class Member:
    """A run or a job that is a member of concurrency groups.

    Attributes:
        run_id: the id of the run, or of the job's run.
        repository: the repository; groups of different repositories are independent.
        groups: group name -> sharing key; members with the same non-empty key can run at the same time.
        cancels: the groups in which this member cancels the running one (`cancel-in-progress`).
        cancel: cancels this member; called with the reason, possibly from another thread.
        is_run: whether the member is a run, for whose groups its own jobs could wait forever.
        goes: whether the member is running.
    """

    run_id: int
    repository: str
    groups: dict[str, str]
    cancels: set[str]
    cancel: Callable[[str], None]
    is_run: bool = False
    goes: bool = field(default=False, init=False)

    def shares(self, other: "Member", group: str) -> bool:
        """Return whether two members can run at the same time in a group."""
        return bool(self.groups[group]) and self.groups[group] == other.groups[group]


class Groups:
    """All running and waiting members. Thread-safe. Callers convert group names to lower case."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._members: list[Member] = []

    def join(self, member: Member) -> None:
        """Add a waiting member; cancel others in its groups: waiting ones, and with `cancels` running ones.

        Raises:
            Deadlock: the member's own run holds one of its groups.
        """
        ended: list[tuple[Member, str]] = []
        with self._lock:
            for group in member.groups:
                for other in self._others(member, group):
                    if other.is_run and other.run_id == member.run_id:
                        raise Deadlock(
                            f"a deadlock: the job's own run holds the concurrency group {group}; "
                            "use different groups for the workflow and its jobs"
                        )
                    if not other.goes or group in member.cancels:
                        ended.append((other, f"replaced by a later one in the concurrency group {group}"))
            for other, _ in ended:
                if not other.goes:
                    self.leave(other)
            self._members.append(member)
        for other, why in ended:
            # In a thread, since ending a running member takes seconds and the event's sender must not wait.
            threading.Thread(target=other.cancel, args=[why], daemon=True).start()

    def enter(self, member: Member) -> bool:
        """Start a waiting member if no other is running in its groups; return whether it is running."""
        with self._lock:
            if member not in self._members:
                return False
            member.goes = member.goes or not any(
                other.goes for group in member.groups for other in self._others(member, group)
            )
            return member.goes

    def leave(self, member: Member) -> None:
        """Remove a member that has ended; do nothing if it was removed before."""
        with self._lock:
            if member in self._members:
                self._members.remove(member)

    def _others(self, member: Member, group: str) -> list[Member]:
        same = [
            other
            for other in self._members
            if other is not member and other.repository.lower() == member.repository.lower()
        ]
        return [other for other in same if group in other.groups and not other.shares(member, group)]
