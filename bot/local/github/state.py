"""The state of the local GitHub: users, tokens, repositories, events."""

import json
import logging
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.errors import UserError
from bot.local.github import checks
from bot.local.github.auth import Caller, caller_of
from bot.local.github.clock import now
from bot.local.github.db import Database, Row
from bot.local.github.events import Event as Event
from bot.local.github.git import Git
from bot.local.github.labels import DEFAULT_LABELS
from bot.local.github.shapes.repositories import DELETED
from bot.local.github.webhooks import Webhooks

ACTIONS_BOT = "github-actions[bot]"
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}(\[bot\])?")
_REPOSITORY = re.compile(r"(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}")
_log = logging.getLogger(__name__)


class GitHub:
    """Users, tokens and repositories; SQLite and bare git repositories under one folder. Thread-safe.

    Args:
        data: the folder; made if it is not there, taken up again if it is.
        base_url: where it is served, such as `http://127.0.0.1:8080`; the API is at `/api/v3` below it.
    """

    def __init__(self, data: Path, base_url: str) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.base_url = base_url.rstrip("/")
        self.api_url = f"{self.base_url}/api/v3"
        self.db = Database(data / "github.sqlite")
        self.writing = threading.RLock()
        """Held while refs move, so that a push and a merge cannot cross."""
        self._listeners: list[Callable[[Event], None]] = []
        self.webhooks = Webhooks(self)
        if self.user(ACTIONS_BOT) is None:
            self.create_user(ACTIONS_BOT, bot=True)

    def close(self) -> None:
        """Send the webhooks that wait, and close the database; nothing may be asked afterwards."""
        self.webhooks.stop()
        self.db.close()

    # Events

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` for each event from now on, in the thread that caused it: it must be quick."""
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        """Tell everybody who subscribed; a listener that fails is logged, and fails alone."""
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                _log.exception("a listener failed on %s %s", event.name, event.action)

    # Users and tokens

    def create_user(
        self, login: str, *, token: str | None = None, email: str | None = None, bot: bool = False
    ) -> Row:
        """A user, or a bot as GitHub makes one for an app; with a token of theirs if one is named.

        Raises:
            UserError: the login is taken, or no login.
        """
        user = self._create_account(login, "Bot" if bot or login.endswith("[bot]") else "User", email)
        if token:
            self.create_token(login, token=token)
        return user

    def create_organization(self, login: str) -> Row:
        """An organization: owns repositories, has no token."""
        return self._create_account(login, "Organization", None)

    def _create_account(self, login: str, kind: str, email: str | None) -> Row:
        if not _LOGIN.fullmatch(login):
            raise UserError(f"{login!r} is no login: letters, digits and hyphens, at most 39")
        if self.user(login):
            raise UserError(f"the login {login} is taken")
        return self.db.insert("users", login=login, type=kind, email=email, created_at=now())

    def user(self, login: str) -> Row | None:
        """A user or organization by login, in any case."""
        return self.db.one("SELECT * FROM users WHERE login = ?", login)

    def user_by_id(self, user_id: int) -> Row:
        """A user that is known to be there."""
        user = self.db.one("SELECT * FROM users WHERE id = ?", user_id)
        if user is None:
            raise KeyError(f"no user {user_id}")
        return user

    def create_token(
        self,
        login: str,
        *,
        token: str | None = None,
        permissions: Mapping[str, str] | None = None,
        repository: str | None = None,
        workflow: bool = False,
    ) -> str:
        """A token of a user; returns it.

        Args:
            token: the token itself; a random one if None.
            permissions: None: all that the user may do; else areas with `read` or `write`, as in a workflow.
            repository: the only repository in which a token with `permissions` may write.
            workflow: the GITHUB_TOKEN of a running workflow.
        """
        user = self.user(login)
        if user is None:
            raise UserError(f"there is no user {login}")
        value = token or f"ghs_{secrets.token_hex(18)}"
        self.db.insert(
            "tokens",
            token=value,
            user_id=user["id"],
            permissions=None if permissions is None else json.dumps(dict(permissions)),
            repository=repository,
            workflow=int(workflow),
        )
        return value

    def set_token_permissions(self, token: str, permissions: Mapping[str, str]) -> None:
        """Change what a token may do, from the next request on."""
        self.db.run("UPDATE tokens SET permissions = ? WHERE token = ?", json.dumps(dict(permissions)), token)

    def revoke_token(self, token: str) -> None:
        """Make a token worthless."""
        self.db.run("DELETE FROM tokens WHERE token = ?", token)

    def caller(self, token: str) -> Caller | None:
        """Whose token this is, or None."""
        row = self.db.one("SELECT * FROM tokens WHERE token = ?", token)
        return caller_of(row, self.user_by_id(row["user_id"])) if row else None

    # Repositories

    def create_repository(
        self,
        owner: str,
        name: str,
        *,
        description: str | None = None,
        private: bool = False,
        default_branch: str = "main",
        parent: Row | None = None,
    ) -> Row:
        """A repository, empty, or with what `parent` holds.

        Raises:
            UserError: no such owner, a bad name, or it is there already.
        """
        account = self.user(owner)
        if account is None:
            raise UserError(f"there is no user or organization {owner}")
        if not _REPOSITORY.fullmatch(name):
            raise UserError(f"{name!r} is no name of a repository")
        full_name = f"{account['login']}/{name}"
        if self.repository(full_name):
            raise UserError(f"{full_name} is there already")
        git = self.git(full_name)
        if parent is None:
            git.create(default_branch)
        else:
            git.create_copy(self.repo_path(parent["full_name"]))
        with self.db.transaction():
            moment = now()
            row = self.db.insert(
                "repositories",
                full_name=full_name,
                owner_id=account["id"],
                name=name,
                description=description,
                private=int(private),
                default_branch=parent["default_branch"] if parent else default_branch,
                parent_id=parent["id"] if parent else None,
                created_at=moment,
                updated_at=moment,
                pushed_at=moment,
            )
            for label, color, text in DEFAULT_LABELS:
                self.db.insert(
                    "labels", repository_id=row["id"], name=label, color=color, description=text, is_default=1
                )
        return row

    def repository(self, full_name: str) -> Row | None:
        """A repository by `owner/name`, in any case."""
        return self.db.one("SELECT * FROM repositories WHERE full_name = ?", full_name)

    def delete_repository(self, repository: Row) -> None:
        """Remove a repository; its row stays for the pull requests that came from it (`is_deleted`)."""
        shutil.rmtree(self.repo_path(repository["full_name"]))
        name = f"{repository['full_name']}{DELETED}{repository['id']}"
        self.db.update("repositories", repository["id"], full_name=name)
        self.db.run("DELETE FROM hooks WHERE repository_id = ?", repository["id"])

    def repository_by_id(self, repository_id: int) -> Row:
        """A repository that is known to be there."""
        row = self.db.one("SELECT * FROM repositories WHERE id = ?", repository_id)
        if row is None:
            raise KeyError(f"no repository {repository_id}")
        return row

    def repo_path(self, full_name: str) -> Path:
        """The folder of the bare repository; it is there once the repository is created."""
        return self.data / "repositories" / f"{full_name.lower()}.git"

    def git(self, full_name: str) -> Git:
        """git on the bare repository."""
        return Git(self.repo_path(full_name))

    def add_collaborator(self, repository: str, login: str, permission: str) -> None:
        """Give somebody a role in a repository: admin, maintain, write, triage or read."""
        row, user = self.repository(repository), self.user(login)
        if row is None or user is None:
            raise UserError(f"there is no {repository}" if row is None else f"there is no user {login}")
        self.db.run(
            "INSERT OR REPLACE INTO collaborators (repository_id, user_id, permission) VALUES (?, ?, ?)",
            row["id"],
            user["id"],
            permission,
        )

    def permission(self, repository: Row, user: Row | None) -> str:
        """A user's role in a repository: admin, maintain, write, triage, read or none."""
        if user is not None:
            if user["id"] == repository["owner_id"]:
                return "admin"
            row = self.db.one(
                "SELECT permission FROM collaborators WHERE repository_id = ? AND user_id = ?",
                repository["id"],
                user["id"],
            )
            if row:
                return str(row["permission"])
        return "none" if repository["private"] else "read"

    # Check runs, which Actions writes for its jobs

    def create_check_run(
        self, repository: str, fields: Mapping[str, Any], *, actor: str = ACTIONS_BOT, chained: bool = True
    ) -> dict[str, Any]:
        """A check run at a commit, as an app creates one.

        Args:
            fields: in the shape of GitHub's request: name, head_sha, status, conclusion, output, …
            actor: the login of the app's bot.
            chained: see `Event`.

        Returns:
            The check run in GitHub's shape.

        Raises:
            ApiError: 422, a field is wrong.
        """
        return checks.create(self, repository, fields, actor, chained=chained)

    def update_check_run(
        self,
        repository: str,
        check_run_id: int,
        fields: Mapping[str, Any],
        *,
        actor: str = ACTIONS_BOT,
        chained: bool = True,
    ) -> dict[str, Any]:
        """Change a check run; annotations are added to those that are there. As `create_check_run`."""
        return checks.update(self, repository, check_run_id, fields, actor, chained=chained)
