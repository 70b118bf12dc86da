"""The state of the local GitHub: users, tokens, repositories, events."""

import json
import logging
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.core.errors import UserError
from localworld.github.caller import Caller, caller_of
from localworld.github.clock import now
from localworld.github.db import Database, Row
from localworld.github.event import Event
from localworld.github.git import Git
from localworld.github.labels import DEFAULT_LABELS
from localworld.github.webhooks import Webhooks

ACTIONS_BOT = "github-actions[bot]"
DELETED = ":deleted:"
"""Marks the full name of a deleted repository; a colon cannot occur in a repository's name."""
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}(\[bot\])?")
_REPOSITORY = re.compile(r"(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}")
_log = logging.getLogger(__name__)


class GitHub:
    """Users, tokens and repositories, stored in one folder as SQLite and bare git repositories. Thread-safe.

    Args:
        data: the folder; created if missing, reopened if it exists.
        base_url: URL of the server, such as `http://127.0.0.1:8080`; the API is at `/api/v3` below it.

    Raises:
        UserError: another version of the local world wrote the folder.
    """

    def __init__(self, data: Path, base_url: str) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.base_url = base_url.rstrip("/")
        self.api_url = f"{self.base_url}/api/v3"
        self.db = Database(data / "github.sqlite")
        self.writing = threading.RLock()
        """Held while refs are updated, so that a push and a merge do not interleave."""
        self._listeners: list[Callable[[Event], None]] = []
        self._gits: dict[Path, Git] = {}
        self.webhooks = Webhooks(self.db)
        self.subscribe(self.webhooks.take)
        if self.user(ACTIONS_BOT) is None:
            self.create_user(ACTIONS_BOT, bot=True)

    def close(self) -> None:
        """Send the queued webhooks and close the database; the object cannot be used afterwards."""
        self.webhooks.stop()
        self.db.close()

    # Events

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` for each later event, in the thread that caused it; it must return quickly."""
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        """Call all listeners with an event; log a listener's exception and continue with the next one."""
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                _log.exception("an event listener failed on %s %s", event.name, event.action)

    # Users and tokens

    def create_user(
        self, login: str, *, token: str | None = None, email: str | None = None, bot: bool = False
    ) -> Row:
        """Create a user, or the bot user of an app.

        Args:
            token: a token to create for the user; none if None.
            bot: whether the user is a bot; a login that ends in `[bot]` is always one.

        Returns:
            The user's row.

        Raises:
            UserError: the login is invalid or taken.
        """
        user = self._create_account(login, "Bot" if bot or login.endswith("[bot]") else "User", email)
        if token:
            self.create_token(login, token=token)
        return user

    def create_organization(self, login: str) -> Row:
        """Create an organization, which owns repositories and has no token.

        Raises:
            UserError: the login is invalid or taken.
        """
        return self._create_account(login, "Organization", None)

    def _create_account(self, login: str, kind: str, email: str | None) -> Row:
        if not _LOGIN.fullmatch(login):
            raise UserError(
                f"{login!r} is not a valid login; use letters, digits and hyphens, at most 39 characters"
            )
        if self.user(login):
            raise UserError(f"the login {login} is already taken; choose another one")
        return self.db.insert("users", login=login, type=kind, email=email, created_at=now())

    def user(self, login: str) -> Row | None:
        """Find a user or organization by login, ignoring case."""
        return self.db.one("SELECT * FROM users WHERE login = ?", login)

    def user_by_id(self, user_id: int) -> Row:
        """Return the user with this id.

        Raises:
            KeyError: there is no such user.
        """
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
        """Create a token for a user.

        Args:
            token: the token itself; a random one if None.
            permissions: areas with `read` or `write`, as in a workflow, such as `{"contents": "read"}`;
                None for everything that the user may do.
            repository: the only repository in which a token with `permissions` may write.
            workflow: whether this is the GITHUB_TOKEN of a running workflow.

        Returns:
            The token.

        Raises:
            UserError: there is no such user.
        """
        user = self.user(login)
        if user is None:
            raise UserError(f"user {login} not found")
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
        """Replace the permissions of a token, from the next request on."""
        self.db.run("UPDATE tokens SET permissions = ? WHERE token = ?", json.dumps(dict(permissions)), token)

    def revoke_token(self, token: str) -> None:
        """Revoke a token."""
        self.db.run("DELETE FROM tokens WHERE token = ?", token)

    def caller(self, token: str) -> Caller | None:
        """Return the caller that a token belongs to, or None if the token is unknown."""
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
        """Create a repository, empty or as a fork of `parent`, whose default branch it then has.

        Raises:
            UserError: the owner does not exist, the name is invalid, or the repository exists already.
        """
        account = self.user(owner)
        if account is None:
            raise UserError(f"user or organization {owner} not found")
        if not _REPOSITORY.fullmatch(name):
            raise UserError(f"{name!r} is not a valid repository name; use letters, digits, '.', '-' and '_'")
        full_name = f"{account['login']}/{name}"
        if self.repository(full_name):
            raise UserError(f"repository {full_name} already exists; choose another name")
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
        """Find a repository by `owner/name`, ignoring case."""
        return self.db.one("SELECT * FROM repositories WHERE full_name = ?", full_name)

    def delete_repository(self, repository: Row) -> None:
        """Delete a repository; its row stays for the pull requests from it (see `is_deleted`)."""
        shutil.rmtree(self.repo_path(repository["full_name"]))
        self._gits.pop(self.repo_path(repository["full_name"]), None)
        name = f"{repository['full_name']}{DELETED}{repository['id']}"
        self.db.update("repositories", repository["id"], full_name=name)
        self.db.run("DELETE FROM hooks WHERE repository_id = ?", repository["id"])

    def repository_by_id(self, repository_id: int) -> Row:
        """Return the repository with this id.

        Raises:
            KeyError: there is no such repository.
        """
        row = self.db.one("SELECT * FROM repositories WHERE id = ?", repository_id)
        if row is None:
            raise KeyError(f"no repository {repository_id}")
        return row

    def repo_path(self, full_name: str) -> Path:
        """Return the folder of the bare repository, which exists once the repository is created."""
        return self.data / "repositories" / f"{full_name.lower()}.git"

    def git(self, full_name: str) -> Git:
        """Return a `Git` object for the bare repository."""
        path = self.repo_path(full_name)
        return self._gits.setdefault(path, Git(path))

    def add_collaborator(self, repository: str, login: str, permission: str) -> None:
        """Give a user a role in a repository.

        Args:
            repository: the full name, `owner/name`.
            permission: admin, maintain, write, triage or read.

        Raises:
            UserError: there is no such repository or user.
        """
        row, user = self.repository(repository), self.user(login)
        if row is None or user is None:
            missing = f"repository {repository}" if row is None else f"user {login}"
            raise UserError(f"{missing} not found")
        self.db.run(
            "INSERT OR REPLACE INTO collaborators (repository_id, user_id, permission) VALUES (?, ?, ?)",
            row["id"],
            user["id"],
            permission,
        )

    def permission(self, repository: Row, user: Row | None) -> str:
        """Return a user's role in a repository: admin, maintain, write, triage, read or none."""
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


def is_deleted(repository: Row) -> bool:
    """Return whether a repository was deleted."""
    return DELETED in repository["full_name"]
