"""Concurrency groups: in each, one goes and one waits; a later one takes the waiting one's place."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


class Deadlock(Exception):
    """A job asks for a group that its own run holds already; the message says which."""


@dataclass(eq=False)
class Member:
    """A run or a job in its groups.

    Attributes:
        run_id: the run, or the job's run.
        repository: groups of different repositories have nothing to do with each other.
        groups: name of group -> what shares it: members with the same word here do not wait for each other.
        cancels: the groups in which it cancels what goes.
        cancel: ends it; called with the reason, perhaps from another thread.
        is_run: whether it is a whole run, whose jobs would wait for it for ever.
    """

    run_id: int
    repository: str
    groups: dict[str, str]
    cancels: set[str]
    cancel: Callable[[str], None]
    is_run: bool = False
    goes: bool = field(default=False, init=False)

    def shares(self, other: "Member", group: str) -> bool:
        """Whether two members may go in a group at the same time."""
        return bool(self.groups[group]) and self.groups[group] == other.groups[group]


class Groups:
    """All members that go or wait. Thread-safe; groups' names are the same in any case, as on GitHub."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._members: list[Member] = []

    def join(self, member: Member) -> None:
        """Let a member wait; who waited in one of its groups is cancelled, and who goes, if it says so.

        Raises:
            Deadlock: its own run holds one of its groups.
        """
        ended: list[tuple[Member, str]] = []
        with self._lock:
            for group in member.groups:
                for other in self._others(member, group):
                    if other.is_run and other.run_id == member.run_id:
                        raise Deadlock(f"its own run holds the concurrency group {group}: a deadlock")
                    if not other.goes or group in member.cancels:
                        ended.append((other, f"a later one of the concurrency group {group} takes its place"))
            for other, _ in ended:
                if not other.goes:
                    self.leave(other)
            self._members.append(member)
        for other, why in ended:
            # Ending what goes takes a while, and whoever sent the event does not wait for it.
            threading.Thread(target=other.cancel, args=[why], daemon=True).start()

    def enter(self, member: Member) -> bool:
        """Let a waiting member go, if nobody goes in its groups; returns whether it goes."""
        with self._lock:
            if member not in self._members:
                return False
            member.goes = member.goes or not any(
                other.goes for group in member.groups for other in self._others(member, group)
            )
            return member.goes

    def leave(self, member: Member) -> None:
        """A member has ended; it may have left already."""
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
