"""A runner as GitHub knows it: its just-in-time configuration, its state, and its removal."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from github.GithubException import GithubException, RateLimitExceededException
from github.Repository import Repository

from bot.core.errors import UserError
from bot.core.progress import say
from bot.github.client import github_errors
from bot.github.runners import pages, runner_groups

DEFAULT_GROUP = 1
"""The id of a repository's only group."""
PAUSES_S = (1, 2, 4, 8, 16)
"""The pauses before a request is sent again that GitHub could not answer."""
WORK_FOLDER = "_work"
NO_RIGHT = (403, 404)
TAKEN = (409, 422)


@dataclass(frozen=True)
class Registered:
    """A registered runner.

    Attributes:
        config: the configuration for `run.sh --jitconfig`; it lets its owner pose as this runner.
    """

    id: int
    name: str
    config: str


@dataclass(frozen=True)
class Runners:
    """The self-hosted runners of a repository, or of its organization if a group is given.

    Attributes:
        labels: the labels of new runners.
        group: the name of the organization's runner group for new runners; "" for the repository's own.
        prefix: the start of the names of this machine's runners.
    """

    repository: Repository
    labels: tuple[str, ...]
    group: str
    prefix: str

    def __str__(self) -> str:
        return f"the organization {self.repository.owner.login}" if self.group else self.repository.full_name

    @property
    def url(self) -> str:
        """The path of the runners in the REST API."""
        place = f"/orgs/{self.repository.owner.login}" if self.group else self.repository.url
        return f"{place}/actions/runners"

    def new_name(self) -> str:
        """Return a name that no runner has, most likely."""
        return f"{self.prefix}{secrets.token_hex(4)}"

    def register(self, name: str) -> Registered | None:
        """Register a runner for one job.

        Returns:
            None if another runner has this name.

        Raises:
            UserError: GitHub refuses the token, the group or the labels, or cannot be reached.
        """
        wanted = {"name": name, "runner_group_id": self._group_id(), "labels": list(self.labels)}
        try:
            with self._errors("registering a runner"):
                made = self._ask(
                    "POST", f"{self.url}/generate-jitconfig", {**wanted, "work_folder": WORK_FOLDER}
                )
        except _Taken:
            return None
        return Registered(made["runner"]["id"], made["runner"]["name"], made["encoded_jit_config"])

    def state(self, runner: Registered) -> str:
        """Return `idle`, `busy`, or `gone`: a runner is removed once its job has ended."""
        with self._errors("reading the runner's state"):
            try:
                found = self._ask("GET", f"{self.url}/{runner.id}")
            except GithubException as error:
                if error.status == 404:
                    return "gone"
                raise
        return "busy" if found["busy"] else "idle"

    def remove(self, runner_id: int) -> bool:
        """Remove a runner; return False if it has a job, since GitHub then keeps it."""
        with self._errors("removing a runner"):
            try:
                self._ask("DELETE", f"{self.url}/{runner_id}")
            except GithubException as error:
                if error.status == 422:
                    return False
                if error.status != 404:
                    raise
        return True

    def offline(self) -> list[tuple[int, str]]:
        """Return id and name of this machine's just-in-time runners that are offline."""
        with self._errors("listing runners"):
            found = pages(self.repository, self.url, "runners")
            return [
                (one["id"], one["name"])
                for one in found
                if one["name"].startswith(self.prefix) and one["status"] == "offline" and not one["busy"]
            ]

    def _group_id(self) -> int:
        if not self.group:
            return DEFAULT_GROUP
        with self._errors("reading the runner groups"):
            found = {one["name"].lower(): one["id"] for one in runner_groups(self.repository)}
        if self.group.lower() not in found:
            names = ", ".join(sorted(found)) or "none that this token may see"
            raise UserError(
                f"--group {self.group}: {self.repository.full_name} may use no such runner group; "
                f"there are: {names}"
            )
        return int(found[self.group.lower()])

    def _ask(self, method: str, url: str, content: dict[str, Any] | None = None) -> Any:
        """Send a request, again while GitHub answers 5xx; return the answer's content."""
        requester = self.repository.requester
        for pause in PAUSES_S:
            try:
                return requester.requestJsonAndCheck(method, url, input=content)[1]
            except GithubException as error:
                if error.status < 500:
                    raise
                say(f"GitHub answered {error.status}; trying again in {pause} s")
                time.sleep(pause)
        return requester.requestJsonAndCheck(method, url, input=content)[1]

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        with github_errors(f"{doing} for {self}"):
            try:
                yield
            except GithubException as error:
                message = str(error.data)
                if error.status in TAKEN and "already exists" in message.lower():
                    raise _Taken from None
                if error.status in NO_RIGHT and not isinstance(error, RateLimitExceededException):
                    right = "Self-hosted runners" if self.group else "Administration"
                    raise UserError(
                        f"{doing} for {self}: GitHub answered {error.status}: it does not exist, or the "
                        f"token in GITHUB_TOKEN lacks the permission {right}: write"
                    ) from None
                if error.status == 422:
                    raise UserError(f"{doing} for {self}: GitHub answered 422: {_reasons(error)}") from None
                raise


class _Taken(Exception):
    """Another runner has the name."""


def _reasons(error: GithubException) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    return "; ".join([str(data.get("message", "")), *map(str, data.get("errors") or ())])
