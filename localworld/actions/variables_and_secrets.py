"""GitHub's REST API for variables and secrets of repositories and environments."""

import base64
import secrets
from typing import Any

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from starlette.responses import Response
from starlette.routing import BaseRoute

from localworld.actions.dispatcher import Dispatcher
from localworld.github import environments
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import ApiError, not_found
from localworld.github.http import Call, Handler, RateCounter, api_routes

ACTIONS = "/repos/{owner}/{repo}/actions"
ENVIRONMENT = "/repos/{owner}/{repo}/environments/{environment_name}"


class Settings:
    """The routes; clients encrypt secrets with the public key of this process, as on GitHub."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher, self.github = dispatcher, dispatcher.github
        self._key = PrivateKey.generate()
        self._key_id = secrets.token_hex(8)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        table: list[tuple[str, str, Handler]] = []
        for place in (ACTIONS, ENVIRONMENT):
            table += self._values_of(place)
        return [*api_routes(self.github, table, RateCounter())]

    def _values_of(self, place: str) -> list[tuple[str, str, Handler]]:
        """Return the routes for variables and secrets of a repository or an environment."""
        return [
            ("GET", f"{place}/variables", self.variables),
            ("POST", f"{place}/variables", self.create_variable),
            ("GET", f"{place}/variables/{{name}}", self.variable),
            ("PATCH", f"{place}/variables/{{name}}", self.update_variable),
            ("DELETE", f"{place}/variables/{{name}}", self.delete_variable),
            ("GET", f"{place}/secrets", self.secrets),
            ("GET", f"{place}/secrets/public-key", self.public_key),
            ("PUT", f"{place}/secrets/{{name}}", self.put_secret),
            ("GET", f"{place}/secrets/{{name}}", self.secret),
            ("DELETE", f"{place}/secrets/{{name}}", self.delete_secret),
        ]

    def _scope(self, call: Call, area: str, level: str = "write") -> tuple[str, int]:
        """Check the caller's permissions; return the repository and the environment's id, or 0 for none."""
        repository = call.repository()
        if "environment_name" not in call.request.path_params:
            call.require(repository, "write", area, level=level)
            return str(repository["full_name"]), 0
        call.require(repository, "write", "environments", level=level)
        environment = environments.find(self.github, repository, call.parameter("environment_name"))
        if environment is None:
            raise not_found()
        return str(repository["full_name"]), int(environment["id"])

    def _rows(self, call: Call, table: str) -> list[Row]:
        scope = self._scope(call, table, "read")
        query = f"SELECT * FROM {table} WHERE repository = ? AND environment = ? ORDER BY name"  # noqa: S608
        return self.github.db.all(query, *scope)

    def _row(self, call: Call, table: str) -> Row:
        name = call.parameter("name").upper()
        found = [row for row in self._rows(call, table) if row["name"] == name]
        if not found:
            raise not_found()
        return found[0]

    def _delete(self, call: Call, table: str) -> Response:
        row, scope = self._row(call, table), self._scope(call, table)
        query = f"DELETE FROM {table} WHERE repository = ? AND environment = ? AND name = ?"  # noqa: S608
        self.github.db.run(query, *scope, row["name"])
        return Response(status_code=204)

    def variables(self, call: Call) -> Response:
        rows = self._rows(call, "variables")
        return call.paged(rows, _variable, lambda shown, total: {"total_count": total, "variables": shown})

    def variable(self, call: Call) -> Response:
        return call.reply(_variable(self._row(call, "variables")))

    def create_variable(self, call: Call) -> Response:
        scope = self._scope(call, "variables")
        name = call.text("Variable", "name").upper()
        if name in self.dispatcher.values("variables", *scope):
            raise ApiError(409, "Already exists - Variable already exists")
        put(self.dispatcher, "variables", *scope, name, call.text("Variable", "value"))
        return call.reply({}, 201)

    def update_variable(self, call: Call) -> Response:
        row, scope = self._row(call, "variables"), self._scope(call, "variables")
        put(self.dispatcher, "variables", *scope, row["name"], call.text("Variable", "value"))
        return Response(status_code=204)

    def delete_variable(self, call: Call) -> Response:
        return self._delete(call, "variables")

    def secrets(self, call: Call) -> Response:
        rows = self._rows(call, "secrets")
        return call.paged(rows, _secret, lambda shown, total: {"total_count": total, "secrets": shown})

    def secret(self, call: Call) -> Response:
        return call.reply(_secret(self._row(call, "secrets")))

    def public_key(self, call: Call) -> Response:
        self._scope(call, "secrets", "read")
        key = base64.b64encode(bytes(self._key.public_key)).decode()
        return call.reply({"key_id": self._key_id, "key": key})

    def put_secret(self, call: Call) -> Response:
        scope = self._scope(call, "secrets")
        try:
            sealed = base64.b64decode(call.text("Secret", "encrypted_value"))
            value = SealedBox(self._key).decrypt(sealed).decode()
        except (ValueError, CryptoError):
            raise ApiError(422, "The value is not encrypted with the repository's public key") from None
        name = call.parameter("name").upper()
        known = name in self.dispatcher.values("secrets", *scope)
        put(self.dispatcher, "secrets", *scope, name, value)
        return Response(status_code=204) if known else call.reply({}, 201)

    def delete_secret(self, call: Call) -> Response:
        return self._delete(call, "secrets")


def put(dispatcher: Dispatcher, table: str, repository: str, environment: int, name: str, value: str) -> None:
    """Set a variable or a secret.

    Args:
        table: `variables` or `secrets`.
        environment: the environment's id, or 0 for the repository.
    """
    moment = now()
    dispatcher.github.db.run(
        f"INSERT INTO {table} (repository, environment, name, value, created_at, updated_at)"  # noqa: S608
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (repository, environment, name)"
        " DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        repository,
        environment,
        name,
        value,
        moment,
        moment,
    )


def _variable(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "value", "created_at", "updated_at")}


def _secret(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "created_at", "updated_at")}
