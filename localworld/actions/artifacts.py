"""Artifacts: GitHub's REST API, and the upload and download URLs of a run's own steps."""

import hashlib
import secrets
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from localworld.actions.dispatcher import Dispatcher
from localworld.actions.runner import Run
from localworld.actions.shapes import artifact_shape
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import not_found
from localworld.github.http import Call, Handler, RateCounter, api_routes

ARTIFACT_LIMIT = 500 * 1024 * 1024
_ACTIONS = "/repos/{owner}/{repo}/actions"
_QUERY = "SELECT a.* FROM artifacts a JOIN workflow_runs r ON r.id = a.run_id"


class Artifacts:
    """The routes of artifacts."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher, self.github = dispatcher, dispatcher.github

    def routes(self) -> list[BaseRoute]:
        """Return the REST API's routes and those that the stubs of the artifact actions use."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", f"{_ACTIONS}/artifacts", self.artifacts),
            ("GET", f"{_ACTIONS}/runs/{{run}}/artifacts", self.artifacts),
            ("GET", f"{_ACTIONS}/artifacts/{{artifact}}", self.artifact),
            ("GET", f"{_ACTIONS}/artifacts/{{artifact}}/zip", self.artifact_zip),
            ("DELETE", f"{_ACTIONS}/artifacts/{{artifact}}", self.delete),
        ]
        return [
            *api_routes(self.github, table, RateCounter()),
            Route("/_actions/runs/{run:int}/artifacts", self.own, methods=["GET"]),
            Route("/_actions/runs/{run:int}/artifacts/{name}", self.upload, methods=["PUT"]),
            Route("/_actions/artifacts/{artifact:int}/{key}", self.download, methods=["GET"]),
        ]

    def artifacts(self, call: Call) -> Response:
        repository = call.repository()
        rows = self.github.db.all(
            f"{_QUERY} WHERE r.repository = ? ORDER BY a.id DESC",
            repository["full_name"],
        )
        if "run" in call.request.path_params:
            run_id = call.number("run")
            query = "SELECT id FROM workflow_runs WHERE id = ? AND repository = ?"
            if self.github.db.one(query, run_id, repository["full_name"]) is None:
                raise not_found()
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
            f"{_QUERY} WHERE a.id = ? AND r.repository = ?",
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
        return RedirectResponse(self._signed(self._artifact(call)), 302)

    def _signed(self, artifact: Row) -> str:
        key = artifact["digest"].removeprefix("sha256:")
        return f"{self.github.base_url}/_actions/artifacts/{artifact['id']}/{key}"

    async def download(self, request: Request) -> Response:
        """Return an artifact's zip file; the key in the URL grants access, as in GitHub's signed URLs."""
        row = self.github.db.one("SELECT * FROM artifacts WHERE id = ?", request.path_params["artifact"])
        key = request.path_params["key"]
        if row is None or not secrets.compare_digest(row["digest"].encode(), f"sha256:{key}".encode()):
            return PlainTextResponse("not found", 404)
        return FileResponse(self.dispatcher.data / "artifacts" / f"{key}.zip", media_type="application/zip")

    def delete(self, call: Call) -> Response:
        call.require(call.repository(), "write", "actions")
        self.github.db.run("DELETE FROM artifacts WHERE id = ?", self._artifact(call)["id"])
        return Response(status_code=204)

    # For the steps of a run in progress, which authenticate with its runtime token

    def _caller(self, request: Request) -> Run | None:
        run = self.dispatcher.running.get(request.path_params["run"])
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return run if run and secrets.compare_digest(token.encode(), run.mark.encode()) else None

    async def own(self, request: Request) -> Response:
        """List the run's own artifacts, for which its jobs need no permission, as on GitHub."""
        run = self._caller(request)
        if run is None:
            return PlainTextResponse("the run is not in progress, or the token is not the run's", 403)
        rows = self.github.db.all("SELECT * FROM artifacts WHERE run_id = ? ORDER BY id", run.row["id"])
        return JSONResponse(
            {"artifacts": [{"name": row["name"], "archive_download_url": self._signed(row)} for row in rows]}
        )

    async def upload(self, request: Request) -> Response:
        """Store an artifact; refuse a name that the attempt has used already, unless `overwrite` is true."""
        run = self._caller(request)
        if run is None:
            return PlainTextResponse("the run is not in progress, or the token is not the run's", 403)
        folder = self.dispatcher.data / "artifacts"
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{secrets.token_hex(8)}.part"
        digest, size = hashlib.sha256(), 0
        try:
            with part.open("wb") as file:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > ARTIFACT_LIMIT:
                        limit = f"{ARTIFACT_LIMIT >> 20} MiB"
                        return PlainTextResponse(f"the artifact is larger than {limit}", 413)
                    digest.update(chunk)
                    file.write(chunk)
            part.rename(folder / f"{digest.hexdigest()}.zip")
            row = await run_in_threadpool(
                self._keep,
                run.row,
                request.path_params["name"],
                (digest.hexdigest(), size),
                overwrite=request.query_params.get("overwrite") == "true",
            )
            if row is None:
                name = request.path_params["name"]
                return PlainTextResponse(
                    f"an artifact named {name} exists already; use another name or `overwrite: true`", 409
                )
            return JSONResponse({"id": row["id"], "digest": digest.hexdigest()}, 201)
        finally:
            part.unlink(missing_ok=True)

    def _keep(self, run: Row, name: str, content: tuple[str, int], *, overwrite: bool) -> Row | None:
        with self.github.db.transaction():
            query = "SELECT * FROM artifacts WHERE run_id = ? AND name = ?"
            known = self.github.db.one(query, run["id"], name)
            if known and known["run_attempt"] == run["run_attempt"] and not overwrite:
                return None
            if known:
                self.github.db.run("DELETE FROM artifacts WHERE id = ?", known["id"])
            return self.github.db.insert(
                "artifacts",
                run_id=run["id"],
                run_attempt=run["run_attempt"],
                name=name,
                size=content[1],
                digest=f"sha256:{content[0]}",
                created_at=now(),
            )
