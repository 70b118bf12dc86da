"""GitHub's REST API for workflows, runs and jobs, the web pages of runs, and the gates of jobs."""

import hmac
import io
import secrets
import zipfile
from collections.abc import Callable
from html import escape
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from localworld.actions.artifacts import Artifacts
from localworld.actions.dispatcher import HELD, Dispatcher
from localworld.actions.runner import Run
from localworld.actions.runners import Runners
from localworld.actions.shapes import job_shape, run_shape, workflow_id, workflow_shape
from localworld.actions.variables_and_secrets import Settings
from localworld.actions.workflow_file import InvalidWorkflow, Workflow
from localworld.github import shapes
from localworld.github.db import Row
from localworld.github.errors import ApiError, not_found
from localworld.github.event import Event
from localworld.github.http import Call, Handler, RateCounter, api_routes

REPO = "/repos/{owner}/{repo}"
MAX_INPUTS = 25
MAX_RERUNS = 50


class Api:
    """The routes, which read and control a dispatcher."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher, self.github = dispatcher, dispatcher.github
        self._signing_key = secrets.token_bytes(32)

    def routes(self) -> list[BaseRoute]:
        """Return all routes of Actions except those of reviews and ID tokens."""
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
            ("POST", f"{actions}/runs/{{run}}/approve", self.approve),
            ("GET", f"{actions}/runs/{{run}}/jobs", self.jobs),
            ("GET", f"{actions}/runs/{{run}}/logs", self.run_logs),
            ("GET", f"{actions}/jobs/{{job}}", self.job),
            ("GET", f"{actions}/jobs/{{job}}/logs", self.job_logs),
        ]
        return [
            *api_routes(self.github, table, RateCounter()),
            *Settings(self.dispatcher).routes(),
            *Runners(self.dispatcher).routes(),
            *Artifacts(self.dispatcher).routes(),
            *self.dispatcher.jit.routes(),
            Route("/_actions/runs/{run:int}/gate", self.gate, methods=["POST"]),
            Route("/_actions/runs/{run:int}/commands", self.command, methods=["POST"]),
            Route("/_actions/{kind}/{number:int}/logs/{key}", self.signed_log, methods=["GET"]),
            Route("/{owner}/{repo}/actions/runs/{run:int}", self.page, methods=["GET"]),
            Route("/{owner}/{repo}/actions/runs/{run:int}/job/{job:int}", self.page, methods=["GET"]),
        ]

    # Workflows

    def _found(self, repository: Row) -> list[Workflow]:
        name = repository["full_name"]
        commit = self.github.git(name).ref(f"refs/heads/{repository['default_branch']}")
        found = []
        for path in self.dispatcher.sources.paths(name, commit) if commit else {}:
            try:
                found.append(self.dispatcher.sources.load(name, str(commit), path))
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
        path = self._workflow(call, repository).path
        ref = call.text("Workflow", "ref")
        git = self.github.git(repository["full_name"])
        full = next((name for name in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}") if git.ref(name)), None)
        sha = git.resolve(full) if full else None
        if full is None or sha is None:
            raise ApiError(422, f"No ref found for: {ref}")
        try:
            workflow = self.dispatcher.sources.load(repository["full_name"], sha, path)
        except InvalidWorkflow as error:
            raise ApiError(422, str(error)) from None
        if "workflow_dispatch" not in workflow.on:
            raise ApiError(422, "Workflow does not have 'workflow_dispatch' trigger")
        payload = {
            "inputs": _inputs(workflow, call.fields().get("inputs") or {}),
            "ref": full,
            "workflow": path,
            "repository": shapes.repository(self.github, repository),
            "sender": shapes.simple_user(self.github, user),
        }
        name = repository["full_name"]
        event = Event("workflow_dispatch", "", name, payload, sha, full, user["login"], False)
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
        user = call.require(call.repository(), "write", "actions")
        row = self._run(call)
        if row["status"] != "completed":
            raise ApiError(403, "This workflow is already running")
        if row["run_attempt"] > MAX_RERUNS:
            raise ApiError(403, f"Unable to retry this workflow run: it was rerun {MAX_RERUNS} times")
        self.dispatcher.rerun(row, user["login"])
        return call.reply({}, 201)

    def approve(self, call: Call) -> Response:
        """POST …/runs/{run}/approve: approve a run of a pull request from a fork."""
        call.require(call.repository(), "write", "actions")
        row = self._run(call)
        if row["head_repository"].lower() == row["repository"].lower():
            raise ApiError(403, "This run is not from a fork pull request")
        if row["conclusion"] != HELD:
            raise ApiError(403, "This run is not waiting for approval")
        self.dispatcher.approve(row)
        return call.reply({}, 201)

    def jobs(self, call: Call) -> Response:
        run = self._run(call)
        rows = self.github.db.all("SELECT * FROM jobs WHERE run_id = ? ORDER BY id", run["id"])
        if call.query("filter", "latest") == "latest":
            rows = [row for row in rows if row["run_attempt"] == run["run_attempt"]]
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
        return RedirectResponse(self._signed("jobs", job["id"]), 302)

    def run_logs(self, call: Call) -> Response:
        return RedirectResponse(self._signed("runs", self._run(call)["id"]), 302)

    def _signed(self, kind: str, number: int) -> str:
        return f"{self.github.base_url}/_actions/{kind}/{number}/logs/{self._key(kind, number)}"

    def _key(self, kind: str, number: int) -> str:
        return hmac.new(self._signing_key, f"{kind} {number}".encode(), "sha256").hexdigest()

    def signed_log(self, request: Request) -> Response:
        """Return a job's log, or a run's logs as a zip; the key in the URL grants access, as on GitHub."""
        kind, number = request.path_params["kind"], request.path_params["number"]
        if not secrets.compare_digest(request.path_params["key"].encode(), self._key(kind, number).encode()):
            return PlainTextResponse("not found", 404)
        if kind == "jobs":
            job = self.github.db.one("SELECT * FROM jobs WHERE id = ?", number)
            return PlainTextResponse(self._job_log(job) if job else "")
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            rows = self.github.db.all("SELECT * FROM jobs WHERE run_id = ? ORDER BY id", number)
            for place, job in enumerate(rows):
                archive.writestr(f"{place}_{job['name'].replace('/', '_')}.txt", self._job_log(job))
        return Response(content.getvalue(), media_type="application/zip")

    def _job_log(self, job: Row) -> str:
        path = self.dispatcher.folder(job["run_id"], job["run_attempt"]) / "jobs" / f"{job['id']}.txt"
        return path.read_text() if path.exists() else ""

    async def gate(self, request: Request) -> Response:
        """Answer the gate of a job, which asks whether the job may start; see prepare.py."""
        return await self._answer(request, Run.ask)

    async def command(self, request: Request) -> Response:
        """Answer the shell of a job on a just-in-time runner; see jit.py."""
        return await self._answer(request, Run.command)

    async def _answer(
        self, request: Request, ask: Callable[[Run, dict[str, Any]], dict[str, Any] | None]
    ) -> Response:
        """Answer a question of a job, which has its run's token."""
        run = self.dispatcher.running.get(request.path_params["run"])
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if run is None or not secrets.compare_digest(token.encode(), run.mark.encode()):
            return PlainTextResponse("the run is not in progress, or the token is not the run's", 403)
        try:
            answer = await run_in_threadpool(ask, run, await request.json())
        except (ValueError, TypeError, KeyError, AttributeError):
            return PlainTextResponse("the request is not a job's question", 400)
        return JSONResponse(answer) if answer else PlainTextResponse("unknown gate, ticket or command", 404)

    def page(self, request: Request) -> Response:
        """Return the web page of a run: its state, summary and log."""
        full_name = f"{request.path_params['owner']}/{request.path_params['repo']}"
        row = self.github.db.one(
            "SELECT * FROM workflow_runs WHERE id = ? AND repository = ?",
            request.path_params["run"],
            full_name,
        )
        if row is None:
            return HTMLResponse("<h1>404</h1>", 404)
        folder = self.dispatcher.folder(row["id"], row["run_attempt"])
        summary, log = (
            escape((folder / name).read_text()) if (folder / name).exists() else ""
            for name in ("summary.md", "log.txt")
        )
        state = escape(
            f"{row['name']} #{row['run_number']}: {row['conclusion'] or row['status']} {row['note'] or ''}"
        )
        return HTMLResponse(
            f"<!doctype html><meta charset=utf-8><title>{state}</title><h1>{state}</h1>"
            f"<pre>{summary}</pre><pre>{log}</pre>"
        )


def _inputs(workflow: Workflow, given: Any) -> dict[str, str]:
    """Return the inputs of a workflow dispatch, with defaults filled in.

    Args:
        given: the `inputs` of the request.

    Raises:
        ApiError: 422, the inputs do not match the workflow's definition.
    """
    defined: dict[str, dict[str, Any]] = {
        str(name): settings or {}
        for name, settings in (workflow.on["workflow_dispatch"].get("inputs") or {}).items()
    }
    if not isinstance(given, dict) or len(given) > MAX_INPUTS:
        raise ApiError(422, f"inputs must be an object of at most {MAX_INPUTS} values")
    if unexpected := sorted(set(given) - set(defined)):
        raise ApiError(422, f"Unexpected inputs provided: {unexpected}")
    inputs: dict[str, str] = {}
    for name, settings in defined.items():
        value = given.get(name, settings.get("default"))
        if value is None:
            if settings.get("required"):
                raise ApiError(422, f"Required input '{name}' not provided")
            value = "false" if settings.get("type") == "boolean" else ""
        inputs[name] = str(value).lower() if isinstance(value, bool) else str(value)
        options = [str(option) for option in settings.get("options") or ()]
        if settings.get("type") == "choice" and inputs[name] not in options:
            raise ApiError(
                422, f"Provided value '{value}' for input '{name}' not in the list of allowed values"
            )
    return inputs
