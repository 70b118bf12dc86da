"""GitHub's REST API of what a repository's workflows are given: runners, variables, secrets."""

import base64
import secrets
from typing import Any

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.local.actions.admission import LABELS
from bot.local.actions.dispatcher import Dispatcher
from bot.local.github.clock import now
from bot.local.github.db import Row
from bot.local.github.errors import ApiError, not_found
from bot.local.github.http import Call, Handler, RateCounter, api_routes

ACTIONS = "/repos/{owner}/{repo}/actions"


class Settings:
    """The routes; secrets arrive sealed with a key of this process, as GitHub wants them."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher, self.github = dispatcher, dispatcher.github
        self._key = PrivateKey.generate()
        self._key_id = secrets.token_hex(8)

    def routes(self) -> list[BaseRoute]:
        """What the API answers here."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", f"{ACTIONS}/runners", self.runners),
            ("GET", f"{ACTIONS}/variables", self.variables),
            ("POST", f"{ACTIONS}/variables", self.create_variable),
            ("GET", f"{ACTIONS}/variables/{{name}}", self.variable),
            ("PATCH", f"{ACTIONS}/variables/{{name}}", self.update_variable),
            ("DELETE", f"{ACTIONS}/variables/{{name}}", self.delete_variable),
            ("GET", f"{ACTIONS}/secrets", self.secrets),
            ("GET", f"{ACTIONS}/secrets/public-key", self.public_key),
            ("PUT", f"{ACTIONS}/secrets/{{name}}", self.put_secret),
            ("DELETE", f"{ACTIONS}/secrets/{{name}}", self.delete_secret),
        ]
        return [*api_routes(self.github, table, RateCounter())]

    def runners(self, call: Call) -> Response:
        call.require(call.repository(), "write", "administration", level="read")
        labels = [{"name": name, "type": "custom"} for name in LABELS if not name.startswith("ubuntu")]
        runner = {
            "id": 1,
            "name": "local",
            "os": "linux",
            "status": "online",
            "busy": bool(self.dispatcher.running),
        }
        return call.reply({"total_count": 1, "runners": [{**runner, "labels": labels}]})

    def variables(self, call: Call) -> Response:
        repository = call.repository()
        call.require(repository, "write", "variables", level="read")
        rows = self.github.db.all("SELECT * FROM variables WHERE repository = ?", repository["full_name"])
        return call.paged(rows, _variable, lambda shown, total: {"total_count": total, "variables": shown})

    def _variable(self, call: Call) -> Row:
        repository = call.repository()
        call.require(repository, "write", "variables", level="read")
        row = self.github.db.one(
            "SELECT * FROM variables WHERE repository = ? AND name = ?",
            repository["full_name"],
            call.parameter("name").upper(),
        )
        if row is None:
            raise not_found()
        return row

    def variable(self, call: Call) -> Response:
        return call.reply(_variable(self._variable(call)))

    def create_variable(self, call: Call) -> Response:
        repository = call.repository()
        call.require(repository, "write", "variables")
        name = call.text("Variable", "name").upper()
        if name in self.dispatcher.values("variables", repository["full_name"]):
            raise ApiError(409, "Already exists - Variable already exists")
        put(self.dispatcher, "variables", repository["full_name"], name, call.text("Variable", "value"))
        return call.reply({}, 201)

    def update_variable(self, call: Call) -> Response:
        row = self._variable(call)
        call.require(call.repository(), "write", "variables")
        put(self.dispatcher, "variables", row["repository"], row["name"], call.text("Variable", "value"))
        return Response(status_code=204)

    def delete_variable(self, call: Call) -> Response:
        row = self._variable(call)
        call.require(call.repository(), "write", "variables")
        self.github.db.run(
            "DELETE FROM variables WHERE repository = ? AND name = ?", row["repository"], row["name"]
        )
        return Response(status_code=204)

    def secrets(self, call: Call) -> Response:
        repository = call.repository()
        call.require(repository, "write", "secrets", level="read")
        rows = self.github.db.all("SELECT * FROM secrets WHERE repository = ?", repository["full_name"])
        return call.paged(rows, _secret, lambda shown, total: {"total_count": total, "secrets": shown})

    def public_key(self, call: Call) -> Response:
        call.require(call.repository(), "write", "secrets", level="read")
        key = base64.b64encode(bytes(self._key.public_key)).decode()
        return call.reply({"key_id": self._key_id, "key": key})

    def put_secret(self, call: Call) -> Response:
        repository = call.repository()
        call.require(repository, "write", "secrets")
        try:
            sealed = base64.b64decode(call.text("Secret", "encrypted_value"))
            value = SealedBox(self._key).decrypt(sealed).decode()
        except (ValueError, CryptoError):
            raise ApiError(422, "The value is not sealed with the repository's public key") from None
        name = call.parameter("name").upper()
        known = name in self.dispatcher.values("secrets", repository["full_name"])
        put(self.dispatcher, "secrets", repository["full_name"], name, value)
        return Response(status_code=204) if known else call.reply({}, 201)

    def delete_secret(self, call: Call) -> Response:
        repository = call.repository()
        call.require(repository, "write", "secrets")
        name = call.parameter("name").upper()
        self.github.db.run(
            "DELETE FROM secrets WHERE repository = ? AND name = ?", repository["full_name"], name
        )
        return Response(status_code=204)


def put(dispatcher: Dispatcher, table: str, repository: str, name: str, value: str) -> None:
    """Set a variable or a secret."""
    moment = now()
    dispatcher.github.db.run(
        f"INSERT INTO {table} (repository, name, value, created_at, updated_at) VALUES (?, ?, ?, ?, ?)"  # noqa: S608
        " ON CONFLICT (repository, name)"
        " DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        repository,
        name,
        value,
        moment,
        moment,
    )


def _variable(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "value", "created_at", "updated_at")}


def _secret(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "created_at", "updated_at")}
