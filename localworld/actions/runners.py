"""GitHub's REST API for self-hosted runners: lists, groups, and configurations for just-in-time runners.

One runner on this machine runs all jobs whose labels it has. A just-in-time runner whose program is connected
gets one other job with its labels (jit.py). Groups get no jobs.
"""

import base64
import json
import secrets
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from localworld.actions.admission import LABELS
from localworld.actions.dispatcher import Dispatcher
from localworld.github.auth import at_least, require_user, role_of
from localworld.github.db import Row
from localworld.github.errors import ApiError, not_found
from localworld.github.http import Call, Handler, RateCounter, api_routes

OWN = 1
"""The id of this machine's runner."""
DEFAULT_GROUP = 1
MAX_LABELS = 100
VISIBILITIES = ("selected", "all", "private")


class Runners:
    """The routes, for repositories and for organizations.

    The local GitHub has no members of organizations. Instead, an administrator of one of an organization's
    repositories counts as the organization's owner.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher, self.github = dispatcher, dispatcher.github
        self.github.db.run("INSERT OR IGNORE INTO runners (id, owner, name) VALUES (?, '', 'local')", OWN)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        repository, organization = "/repos/{owner}/{repo}/actions", "/orgs/{org}/actions"
        groups = f"{organization}/runner-groups"
        table: list[tuple[str, str, Handler]] = [
            ("GET", f"{groups}", self.groups),
            ("POST", f"{groups}", self.create_group),
            ("GET", f"{groups}/{{group:int}}", self.group),
            ("PATCH", f"{groups}/{{group:int}}", self.update_group),
            ("DELETE", f"{groups}/{{group:int}}", self.delete_group),
            ("GET", f"{groups}/{{group:int}}/runners", self.of_group),
        ]
        for place in (repository, organization):
            table += [
                ("GET", f"{place}/runners", self.runners),
                ("POST", f"{place}/runners/generate-jitconfig", self.generate),
                ("GET", f"{place}/runners/{{id:int}}", self.runner),
                ("DELETE", f"{place}/runners/{{id:int}}", self.remove),
            ]
        return [*api_routes(self.github, table, RateCounter())]

    # Runners

    def runners(self, call: Call) -> Response:
        owner = self._owner(call, "write")
        query = "SELECT * FROM runners WHERE owner IN (?, '') ORDER BY id"
        rows = self.github.db.all(query, owner)
        if call.query("name"):
            rows = [row for row in rows if row["name"] == call.query("name")]
        return self._page(call, rows)

    def runner(self, call: Call) -> Response:
        return call.reply(self._shape(self._runner(call)))

    def remove(self, call: Call) -> Response:
        row = self._runner(call)
        if row["id"] == OWN:
            raise ApiError(422, "The local runner cannot be removed")
        if self.dispatcher.jit.is_busy(row["id"]):
            raise ApiError(422, f'Bad request - Runner "{row["name"]}" is still running a job')
        self.github.db.run("DELETE FROM runners WHERE id = ?", row["id"])
        return Response(status_code=204)

    def generate(self, call: Call) -> Response:
        """POST …/runners/generate-jitconfig: register a runner for one job and return its configuration."""
        owner = self._owner(call, "admin")
        fields = call.fields()
        name, group, labels = (fields.get(key) for key in ("name", "runner_group_id", "labels"))
        if not isinstance(name, str) or not name:
            raise _refused("name is missing")
        if not isinstance(group, int) or isinstance(group, bool):
            raise _refused("runner_group_id is missing")
        if not isinstance(labels, list) or not 1 <= len(labels) <= MAX_LABELS:
            raise _refused(f"labels must be a list of 1 to {MAX_LABELS} strings")
        if group != DEFAULT_GROUP and ("org" not in call.request.path_params or not self._find(owner, group)):
            raise not_found()
        known = "SELECT 1 FROM runners WHERE owner = ? AND name = ?"
        if self.github.db.one(known, owner, name):
            raise ApiError(409, f"Already exists - A runner with the name {name} already exists.")
        values = {"labels": json.dumps(labels), "group_id": group, "secret": secrets.token_hex(16)}
        row = self.github.db.insert("runners", owner=owner, name=name, ephemeral=1, **values)
        return call.reply({"runner": self._shape(row), "encoded_jit_config": self._config(row, fields)}, 201)

    def _config(self, row: Row, fields: dict[str, Any]) -> str:
        """Return the runner's configuration files, encoded as for `run.sh --jitconfig`."""
        runner = {
            "AgentId": row["id"],
            "AgentName": row["name"],
            "PoolId": row["group_id"],
            "Ephemeral": True,
            "ServerUrl": self.github.base_url,
            "WorkFolder": fields.get("work_folder") or "_work",
        }
        credentials = {"Scheme": "OAuth", "Data": {"ClientId": row["secret"]}}
        files = {".runner": runner, ".credentials": credentials}
        return _base64({name: _base64(content) for name, content in files.items()})

    def _runner(self, call: Call) -> Row:
        owner = self._owner(call, "admin")
        query = "SELECT * FROM runners WHERE id = ? AND owner IN (?, '')"
        row = self.github.db.one(query, call.number("id"), owner)
        if row is None:
            raise not_found()
        return row

    def _shape(self, row: Row) -> dict[str, Any]:
        """Return an object of GitHub's schema `runner`."""
        own, jit = row["id"] == OWN, self.dispatcher.jit
        online = own or jit.is_online(row["id"])
        labels = (
            [name for name in LABELS if not name.startswith("ubuntu")] if own else json.loads(row["labels"])
        )
        return {
            "id": row["id"],
            "runner_group_id": row["group_id"],
            "name": row["name"],
            "os": "linux" if online else "unknown",
            "status": "online" if online else "offline",
            "busy": bool(self.dispatcher.running) if own else jit.is_busy(row["id"]),
            "ephemeral": bool(row["ephemeral"]),
            "labels": [{"name": name, "type": "custom"} for name in labels],
        }

    def _page(self, call: Call, rows: list[Row]) -> Response:
        return call.paged(rows, self._shape, lambda shown, total: {"total_count": total, "runners": shown})

    # Groups

    def groups(self, call: Call) -> Response:
        owner = self._owner(call, "admin")
        rows = self.github.db.all("SELECT * FROM runner_groups WHERE owner = ? ORDER BY number", owner)
        rows = [self._default(owner), *rows]
        if name := call.query("visible_to_repository"):
            repository = self.github.repository(f"{owner}/{name}")
            rows = [row for row in rows if repository and _is_visible(row, repository)]
        return call.paged(
            rows,
            self._group_shape,
            lambda shown, total: {"total_count": total, "runner_groups": shown},
        )

    def create_group(self, call: Call) -> Response:
        owner = self._owner(call, "admin")
        values = self._group_values(call)
        if not isinstance(call.fields().get("name"), str):
            raise _refused("name is missing")
        query = "SELECT COALESCE(MAX(number), ?) + 1 FROM runner_groups WHERE owner = ?"
        number = self.github.db.count(query, DEFAULT_GROUP, owner)
        row = self.github.db.insert("runner_groups", owner=owner, number=number, **values)
        return call.reply(self._group_shape(row), 201)

    def group(self, call: Call) -> Response:
        return call.reply(self._group_shape(self._group(call)))

    def update_group(self, call: Call) -> Response:
        row = self._group(call)
        if row["number"] == DEFAULT_GROUP:
            raise _refused("the local world does not support changes of the default group")
        self.github.db.update("runner_groups", row["id"], **self._group_values(call))
        return call.reply(self._group_shape(self._group(call)))

    def delete_group(self, call: Call) -> Response:
        row = self._group(call)
        if row["number"] == DEFAULT_GROUP:
            raise _refused("the default group cannot be removed")
        moved = "UPDATE runners SET group_id = ? WHERE owner = ? AND group_id = ?"
        self.github.db.run(moved, DEFAULT_GROUP, row["owner"], row["number"])
        self.github.db.run("DELETE FROM runner_groups WHERE id = ?", row["id"])
        return Response(status_code=204)

    def of_group(self, call: Call) -> Response:
        row = self._group(call)
        query = "SELECT * FROM runners WHERE owner IN (?, '') AND group_id = ? ORDER BY id"
        return self._page(call, self.github.db.all(query, row["owner"], row["number"]))

    def _group(self, call: Call) -> Row:
        owner = self._owner(call, "admin")
        number = call.number("group")
        row = self._default(owner) if number == DEFAULT_GROUP else self._find(owner, number)
        if row is None:
            raise not_found()
        return row

    def _find(self, owner: str, number: int) -> Row | None:
        query = "SELECT * FROM runner_groups WHERE owner = ? AND number = ?"
        return self.github.db.one(query, owner, number)

    @staticmethod
    def _default(owner: str) -> Row:
        settings = {
            "name": "Default",
            "visibility": "all",
            "restricted": 0,
            "public": 0,
            "workflows": "[]",
            "repositories": "[]",
        }
        return {"owner": owner, "number": DEFAULT_GROUP, **settings}

    @staticmethod
    def _group_values(call: Call) -> dict[str, Any]:
        """Return the values of the columns that a request sets."""
        fields = call.fields()
        columns = {
            "name": fields.get("name"),
            "visibility": fields.get("visibility"),
            "public": fields.get("allows_public_repositories"),
            "restricted": fields.get("restricted_to_workflows"),
        }
        for column, name in {
            "workflows": "selected_workflows",
            "repositories": "selected_repository_ids",
        }.items():
            columns[column] = json.dumps(fields[name]) if name in fields else None
        if columns["visibility"] not in (None, *VISIBILITIES):
            raise _refused(f"visibility must be one of {', '.join(VISIBILITIES)}")
        return {name: value for name, value in columns.items() if value is not None}

    def _group_shape(self, row: Row) -> dict[str, Any]:
        """Return an object of GitHub's schema `runner-groups-org`."""
        url = f"{self.github.api_url}/orgs/{row['owner']}/actions/runner-groups/{row['number']}"
        return {
            "id": row["number"],
            "name": row["name"],
            "visibility": row["visibility"],
            "default": row["number"] == DEFAULT_GROUP,
            "runners_url": f"{url}/runners",
            "inherited": False,
            "allows_public_repositories": bool(row["public"]),
            "restricted_to_workflows": bool(row["restricted"]),
            "selected_workflows": json.loads(row["workflows"]),
            "workflow_restrictions_read_only": False,
        }

    def _owner(self, call: Call, role: str) -> str:
        """Return the repository or organization in the path; raise ApiError if the caller lacks this role."""
        if "org" not in call.request.path_params:
            repository = call.repository()
            call.require(repository, role, "administration", level="read" if role == "write" else "write")
            return str(repository["full_name"])
        organization = self.github.user(call.parameter("org"))
        if organization is None or organization["type"] != "Organization":
            raise not_found()
        require_user(call.caller)
        query = "SELECT * FROM present WHERE owner_id = ?"
        roles = [
            role_of(self.github, call.caller, row) for row in self.github.db.all(query, organization["id"])
        ]
        if call.caller.permissions is not None or not any(at_least(one, "admin") for one in roles):
            raise ApiError(403, "Must have admin rights to Organization.")
        return str(organization["login"])


def _is_visible(group: Row, repository: Row) -> bool:
    """Return whether a repository may use a group; a public one needs `allows_public_repositories`."""
    selected = repository["id"] in json.loads(group["repositories"])
    chosen = group["visibility"] != "selected" or selected
    return chosen and bool(repository["private"] or group["public"])


def _refused(why: str) -> ApiError:
    return ApiError(422, "Validation Failed", [why])


def _base64(content: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()
