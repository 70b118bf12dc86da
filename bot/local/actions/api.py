"""GitHub's REST API of workflows, runs and artifacts, and where a run's own steps leave artifacts."""

import hashlib
import hmac
import secrets
from html import escape
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.local.actions.dispatcher import Dispatcher, workflow_paths
from bot.local.actions.settings import Settings
from bot.local.actions.shapes import artifact_shape, job_shape, run_shape, workflow_id, workflow_shape
from bot.local.actions.workflow_file import InvalidWorkflow, Workflow
from bot.local.github import shapes
from bot.local.github.clock import now
from bot.local.github.db import Row
from bot.local.github.errors import ApiError, not_found
from bot.local.github.http import Call, Handler, RateCounter, api_routes
from bot.local.github.state import Event

ARTIFACT_LIMIT = 500 * 1024 * 1024
REPO = "/repos/{owner}/{repo}"
_ARTIFACTS = "SELECT a.* FROM artifacts a JOIN workflow_runs r ON r.id = a.run_id"


class Api:
    """The routes, over a dispatcher."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher, self.github = dispatcher, dispatcher.github
        self._signing_key = secrets.token_bytes(32)

    def routes(self) -> list[BaseRoute]:
        actions = f"{REPO}/actions"
        table: list[tuple[str, str, Handler]] = [
            ("GET", f"{actions}/workflows", self.workflows),
            ("GET", f"{actions}/workflows/{{workflow}}", self.workflow),
            ("GET", f"{actions}/workflows/{{workflow}}/runs", self.runs),
            ("POST", f"{actions}/workflows/{{workflow}}/dispatches", self.dispatch),
            ("GET", f"{actions}/runs", self.runs),
            ("GET", f"{actions}/runs/{{run}}", self.run),
            ("POST", f"{actions}/runs/{{run}}/cancel", self.cancel),
            ("POST", f"{actions}/runs/{{run}}/rerun", self.rerun),
            ("GET", f"{actions}/runs/{{run}}/jobs", self.jobs),
            ("GET", f"{actions}/jobs/{{job}}", self.job),
            ("GET", f"{actions}/jobs/{{job}}/logs", self.job_logs),
            ("GET", f"{actions}/artifacts", self.artifacts),
            ("GET", f"{actions}/runs/{{run}}/artifacts", self.artifacts),
            ("GET", f"{actions}/artifacts/{{artifact}}", self.artifact),
            ("GET", f"{actions}/artifacts/{{artifact}}/zip", self.artifact_zip),
        ]
        return [
            *api_routes(self.github, table, RateCounter()),
            *Settings(self.dispatcher).routes(),
            Route("/_actions/runs/{run:int}/artifacts/{name}", self.upload, methods=["PUT"]),
            Route("/_actions/artifacts/{artifact:int}/{key}", self.download, methods=["GET"]),
            Route("/_actions/jobs/{job:int}/logs/{key}", self.signed_log, methods=["GET"]),
            Route("/{owner}/{repo}/actions/runs/{run:int}", self.page, methods=["GET"]),
            Route("/{owner}/{repo}/actions/runs/{run:int}/job/{job:int}", self.page, methods=["GET"]),
        ]

    # Workflows

    def _found(self, repository: Row) -> list[Workflow]:
        commit = self.github.git(repository["full_name"]).resolve(
            f"refs/heads/{repository['default_branch']}"
        )
        found = []
        for path in workflow_paths(self.github.git(repository["full_name"]), commit) if commit else []:
            try:
                found.append(self.dispatcher.load(repository["full_name"], str(commit), path))
            except InvalidWorkflow:
                found.append(Workflow(path, path, {}, {"jobs": {}}))
        return found

    def _workflow(self, call: Call, repository: Row) -> Workflow:
        wanted = call.parameter("workflow")
        for workflow in self._found(repository):
            if wanted in (str(workflow_id(workflow.path)), workflow.path.rpartition("/")[2]):
                return workflow
        raise not_found()

    def workflows(self, call: Call) -> Response:
        repository = call.repository()
        return call.paged(
            self._found(repository),
            lambda workflow: workflow_shape(self.github, repository, workflow.path, workflow.name),
            lambda shown, total: {"total_count": total, "workflows": shown},
        )

    def workflow(self, call: Call) -> Response:
        repository = call.repository()
        workflow = self._workflow(call, repository)
        return call.reply(workflow_shape(self.github, repository, workflow.path, workflow.name))

    def dispatch(self, call: Call) -> Response:
        repository = call.repository()
        user = call.require(repository, "write", "actions")
        workflow = self._workflow(call, repository)
        name = call.text("Workflow", "ref").removeprefix("refs/heads/")
        sha = self.github.git(repository["full_name"]).branch(name)
        if sha is None:
            raise ApiError(422, f"No ref found for: {name}")
        if "workflow_dispatch" not in workflow.on:
            raise ApiError(422, "Workflow does not have 'workflow_dispatch' trigger")
        given = call.fields().get("inputs") or {}
        stated = workflow.on["workflow_dispatch"].get("inputs") or {}
        unexpected = sorted(set(given) - set(stated))
        missing = sorted(n for n, i in stated.items() if (i or {}).get("required") and n not in given)
        if unexpected or missing:
            what = (
                f"Unexpected inputs provided: {unexpected}"
                if unexpected
                else f"Required input {missing} not provided"
            )
            raise ApiError(422, what)
        payload = {
            "inputs": given,
            "ref": f"refs/heads/{name}",
            "workflow": workflow.path,
            "repository": shapes.repository(self.github, repository),
            "sender": shapes.simple_user(self.github, user),
        }
        event = Event(
            "workflow_dispatch",
            "",
            repository["full_name"],
            payload,
            sha,
            f"refs/heads/{name}",
            user["login"],
            False,
        )
        self.dispatcher.enqueue(workflow, event)
        return Response(status_code=204)

    # Runs and jobs

    def _run(self, call: Call) -> Row:
        repository = call.repository()
        row = self.github.db.one(
            "SELECT * FROM workflow_runs WHERE id = ? AND repository = ?",
            call.number("run"),
            repository["full_name"],
        )
        if row is None:
            raise not_found()
        return row

    def runs(self, call: Call) -> Response:
        repository = call.repository()
        rows = self.github.db.all(
            "SELECT * FROM workflow_runs WHERE repository = ? ORDER BY id DESC", repository["full_name"]
        )
        if "workflow" in call.request.path_params:
            path = self._workflow(call, repository).path
            rows = [row for row in rows if row["path"] == path]
        for name, column in {
            "event": "event",
            "branch": "head_branch",
            "actor": "actor",
            "head_sha": "head_sha",
        }.items():
            if call.query(name):
                rows = [row for row in rows if row[column] == call.query(name)]
        if call.query("status"):
            rows = [row for row in rows if call.query("status") in (row["status"], row["conclusion"])]
        return call.paged(
            rows,
            lambda row: run_shape(self.github, row),
            lambda shown, total: {"total_count": total, "workflow_runs": shown},
        )

    def run(self, call: Call) -> Response:
        return call.reply(run_shape(self.github, self._run(call)))

    def cancel(self, call: Call) -> Response:
        call.require(call.repository(), "write", "actions")
        row = self._run(call)
        if row["status"] == "completed":
            raise ApiError(409, "Cannot cancel a workflow run that is completed.")
        self.dispatcher.cancel(row)
        return call.reply({}, 202)

    def rerun(self, call: Call) -> Response:
        call.require(call.repository(), "write", "actions")
        row = self._run(call)
        if row["status"] != "completed":
            raise ApiError(403, "This workflow run is still in progress.")
        self.dispatcher.rerun(row)
        return call.reply({}, 201)

    def jobs(self, call: Call) -> Response:
        run = self._run(call)
        rows = self.github.db.all("SELECT * FROM jobs WHERE run_id = ? ORDER BY id", run["id"])
        return call.paged(
            rows,
            lambda job: job_shape(self.github, run, job),
            lambda shown, total: {"total_count": total, "jobs": shown},
        )

    def _job(self, call: Call) -> tuple[Row, Row]:
        repository = call.repository()
        job = self.github.db.one("SELECT * FROM jobs WHERE id = ?", call.number("job"))
        run = self.github.db.one("SELECT * FROM workflow_runs WHERE id = ?", job["run_id"]) if job else None
        if job is None or run is None or run["repository"].lower() != repository["full_name"].lower():
            raise not_found()
        return run, job

    def job(self, call: Call) -> Response:
        return call.reply(job_shape(self.github, *self._job(call)))

    def job_logs(self, call: Call) -> Response:
        _, job = self._job(call)
        address = f"{self.github.base_url}/_actions/jobs/{job['id']}/logs/{self._log_key(job['id'])}"
        return RedirectResponse(address, 302)

    def signed_log(self, request: Request) -> Response:
        """A job's log; the key in the address is the permission, as in GitHub's signed ones."""
        number = request.path_params["job"]
        if not secrets.compare_digest(request.path_params["key"].encode(), self._log_key(number).encode()):
            return PlainTextResponse("not found", 404)
        job = self.github.db.one("SELECT * FROM jobs WHERE id = ?", number)
        return PlainTextResponse(self._log(job["run_id"], job["name"]) if job else "")

    def _log_key(self, job_id: int) -> str:
        return hmac.new(self._signing_key, str(job_id).encode(), "sha256").hexdigest()

    def _log(self, run_id: int, job: str = "") -> str:
        path = self.dispatcher.folder(run_id) / "log.txt"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return "".join(
            line for line in lines if not job or f"[{job}]" in line or f"/{job}]" in line or "[] " in line
        )

    def page(self, request: Request) -> Response:
        """A run as a person sees it: its state, and its log."""
        full_name = f"{request.path_params['owner']}/{request.path_params['repo']}"
        row = self.github.db.one(
            "SELECT * FROM workflow_runs WHERE id = ? AND repository = ?",
            request.path_params["run"],
            full_name,
        )
        if row is None:
            return HTMLResponse("<h1>404</h1>", 404)
        state = escape(
            f"{row['name']} #{row['run_number']}: {row['conclusion'] or row['status']} {row['note'] or ''}"
        )
        log = escape(self._log(row["id"]))
        return HTMLResponse(
            f"<!doctype html><meta charset=utf-8><title>{state}</title><h1>{state}</h1><pre>{log}</pre>"
        )

    # Artifacts

    def artifacts(self, call: Call) -> Response:
        repository = call.repository()
        rows = self.github.db.all(
            f"{_ARTIFACTS} WHERE r.repository = ? ORDER BY a.id DESC",
            repository["full_name"],
        )
        if "run" in call.request.path_params:
            run_id = self._run(call)["id"]
            rows = [row for row in rows if row["run_id"] == run_id]
        if call.query("name"):
            rows = [row for row in rows if row["name"] == call.query("name")]
        return call.paged(
            rows, self._artifact_shape, lambda shown, total: {"total_count": total, "artifacts": shown}
        )

    def _artifact_shape(self, artifact: Row) -> dict[str, Any]:
        run = self.github.db.one("SELECT * FROM workflow_runs WHERE id = ?", artifact["run_id"])
        if run is None:
            raise not_found()
        return artifact_shape(self.github, run, artifact)

    def _artifact(self, call: Call) -> Row:
        repository = call.repository()
        row = self.github.db.one(
            f"{_ARTIFACTS} WHERE a.id = ? AND r.repository = ?",
            call.number("artifact"),
            repository["full_name"],
        )
        if row is None:
            raise not_found()
        return row

    def artifact(self, call: Call) -> Response:
        return call.reply(self._artifact_shape(self._artifact(call)))

    def artifact_zip(self, call: Call) -> Response:
        call.require(call.repository(), "read", "actions", level="read")
        artifact = self._artifact(call)
        key = artifact["digest"].removeprefix("sha256:")
        return RedirectResponse(f"{self.github.base_url}/_actions/artifacts/{artifact['id']}/{key}", 302)

    async def download(self, request: Request) -> Response:
        """An artifact's zip; the key in the address is the permission, as in GitHub's signed ones."""
        row = self.github.db.one("SELECT * FROM artifacts WHERE id = ?", request.path_params["artifact"])
        key = request.path_params["key"]
        if row is None or not secrets.compare_digest(row["digest"].encode(), f"sha256:{key}".encode()):
            return PlainTextResponse("not found", 404)
        return FileResponse(self.dispatcher.data / "artifacts" / f"{key}.zip", media_type="application/zip")

    async def upload(self, request: Request) -> Response:
        """An artifact from a step of a running run, which shows its runtime token."""
        run = self.dispatcher.running.get(request.path_params["run"])
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if run is None or not secrets.compare_digest(token, run.runtime_token):
            return PlainTextResponse("this run does not run, or the token is not its", 403)
        content = await request.body()
        if len(content) > ARTIFACT_LIMIT:
            return PlainTextResponse("the artifact is too large", 413)
        await run_in_threadpool(self._keep, run.run_id, request.path_params["name"], content)
        return Response(status_code=201)

    def _keep(self, run_id: int, name: str, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()
        folder = self.dispatcher.data / "artifacts"
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{digest}.{secrets.token_hex(4)}"
        part.write_bytes(content)
        part.rename(folder / f"{digest}.zip")
        self.github.db.run("DELETE FROM artifacts WHERE run_id = ? AND name = ?", run_id, name)
        self.github.db.insert(
            "artifacts",
            run_id=run_id,
            name=name,
            size=len(content),
            digest=f"sha256:{digest}",
            created_at=now(),
        )
