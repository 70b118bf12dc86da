"""The caller of a request: the user and the permissions of the token."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from localworld.github.db import Row


@dataclass(frozen=True)
class Caller:
    """The caller of a request.

    Attributes:
        user: the user's row; None for an anonymous caller.
        token: the token that the request was sent with.
        permissions: permissions of an installation's or a workflow's token, such as `{"contents": "read"}`;
            None for a personal token, which may do everything that its user may.
        repository: the only repository in which a token with `permissions` may write.
        workflow: whether this is the GITHUB_TOKEN of a running workflow.
        login: the user's login; empty for an anonymous caller.
    """

    user: Row | None = None
    token: str = ""
    permissions: Mapping[str, str] | None = None
    repository: str | None = None
    workflow: bool = False
    login: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "login", self.user["login"] if self.user else "")

    @property
    def is_app(self) -> bool:
        """Whether the caller is an app and not a person; only apps may write check runs."""
        return self.workflow or (self.user is not None and self.user["type"] == "Bot")

    def within(self, repository: Row) -> bool:
        """Return whether the token's permissions apply to this repository."""
        return self.repository is None or self.repository.lower() == repository["full_name"].lower()

    def grants(self, area: str, level: str) -> bool:
        """Return whether the token has a permission at a level; `write` includes `read`."""
        permissions = self.permissions or {}
        granted = permissions.get(area.replace("_", "-")) or permissions.get(area.replace("-", "_"))
        return granted in ("write", level)


def caller_of(row: Row, user: Row) -> Caller:
    """Convert a row of the table `tokens` and its user to a caller."""
    permissions = json.loads(row["permissions"]) if row["permissions"] is not None else None
    return Caller(user, row["token"], permissions, row["repository"], bool(row["workflow"]))
