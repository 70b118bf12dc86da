"""The dispatcher: it starts runs for events and schedules them by concurrency group and free capacity."""

import json
import logging
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.core.errors import UserError
from localworld.actions import processes, records
from localworld.actions.concurrency import Groups, Member
from localworld.actions.events import Sources, changed_files, concurrency, run_values, skipped
from localworld.actions.expressions import Unknown
from localworld.actions.jit import JitRunners
from localworld.actions.machines import Machines
from localworld.actions.oidc import IdTokens
from localworld.actions.runner import RUN_MARK, Run
from localworld.actions.shapes import run_shape, workflow_shape
from localworld.actions.workflow_file import InvalidWorkflow, Workflow, starts
from localworld.github import checks, policies
from localworld.github.caller import Caller
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.emit_event import emit_event
from localworld.github.event import Event
from localworld.github.state import GitHub

AT_ONCE, WAITING_LIMIT = 2, 30
"""How many runs execute at the same time, and how many more may wait for groups or an approval."""
CHAINED = ("workflow_dispatch", "workflow_run")
"""Events that start runs even if a workflow's own token caused them, as on GitHub."""
HELD = "action_required"
"""The conclusion of a run that waits for approval."""
CHAIN_LIMIT = 3
"""The maximum length of a chain of runs that start each other with workflow_run, as on GitHub."""
SHUT_DOWN = "the local world was shut down during this run"

_log = logging.getLogger(__name__)


class Dispatcher:
    """Starts runs for events, executes them and records their conclusions.

    Args:
        data: the folder for logs and artifacts.
        machines: the runner machines of the jobs.
    """

    def __init__(self, github: GitHub, data: Path, machines: Machines) -> None:
        self.github, self.data, self.machines = github, data, machines
        github.db.add_tables(records.SCHEMA)
        self.sources = Sources(github)
        self.groups = Groups()
        self.jit = JitRunners(github)
        self.id_tokens = IdTokens(data, github.base_url)
        self.running: dict[int, Run] = {}
        self._members: dict[int, Member] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._pool = ThreadPoolExecutor(AT_ONCE + WAITING_LIMIT, thread_name_prefix="actions")
        self._thread = threading.Thread(target=self._loop, name="actions", daemon=True)
        github.subscribe(self.take)

    def start(self) -> None:
        """Start the scheduler; cancel runs that an earlier process left in progress, keep queued ones."""
        for row in self.github.db.all("SELECT * FROM workflow_runs WHERE status != 'completed' ORDER BY id"):
            if row["status"] in ("in_progress", "waiting"):
                self._end_lost(row)
            elif row["id"] not in self._members:
                self._join(row)
        self._thread.start()

    def stop(self) -> None:
        """Cancel the runs in progress; queued runs wait for the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(10)
        for run in list(self.running.values()):
            run.cancel(SHUT_DOWN)
        self._pool.shutdown(wait=True)

    def wait_idle(self, timeout_s: float) -> None:
        """Wait until all runs have completed.

        Raises:
            UserError: a run has not completed after `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        open_runs = "SELECT COUNT(*) FROM workflow_runs WHERE status != 'completed'"
        # Check `running` first: a run leaves it only after the runs that its end starts are in the table.
        while self.running or self.github.db.count(open_runs):
            if time.monotonic() > deadline:
                raise UserError(f"workflow runs did not complete within {timeout_s} s")
            time.sleep(0.05)

    def take(self, event: Event) -> None:
        """Start the workflows of an event; called in the thread that caused the event."""
        if event.chained and event.name not in CHAINED:
            return
        row = self.github.repository(event.repository)
        if row is None or not self._has_workflows(row, event) or self._chain(event) > CHAIN_LIMIT:
            return
        for found in self.sources.workflows(event, row["default_branch"]):
            if isinstance(found, Workflow):
                if starts(found, event, lambda: changed_files(self.github, event)):
                    self.enqueue(found, event)
            elif event.name == "push" or (event.name == "pull_request" and event.action != "closed"):
                self._refuse(*found, event)

    def _has_workflows(self, row: Row, event: Event) -> bool:
        """Return whether an event can start workflows.

        It cannot in a fork, with Actions disabled, from a fork of a private repository, or with `[skip ci]`.
        """
        off = row["parent_id"] or not policies.of(self.github, row)["enabled"]
        return not off and not (row["private"] and event.from_fork) and not skipped(self.github, event)

    def enqueue(self, workflow: Workflow, event: Event) -> Row:
        """Queue a new run; it replaces an earlier waiting run of its concurrency group.

        A run that needs approval is completed with the conclusion `action_required` instead, as on GitHub. It
        causes only the `requested` event of `workflow_run` and does not join its concurrency group yet.
        """
        try:
            variables = self.values("variables", event.repository)
            group, cancels = concurrency(workflow, event, variables)
        except Unknown as error:
            return self._refuse(workflow.path, str(error), event)
        values = run_values(event)
        values |= {"concurrency": group, "cancels": cancels}
        repository = self.github.repository(event.repository)
        if repository and policies.needs_approval(self.github, repository, event):
            values |= {"status": "completed", "conclusion": HELD}
            row = self._insert(workflow.path, workflow.name, values)
            self._tell(row, "requested")
            return row
        row = self._insert(workflow.path, workflow.name, values)
        self._join(row)
        self._tell(row, "requested")
        with self._changed:
            self._changed.notify_all()
        return row

    def cancel(self, row: Row) -> None:
        """Cancel a queued or running run in the background."""
        threading.Thread(target=self._cancel, args=[row["id"], "cancelled on request"], daemon=True).start()

    def approve(self, row: Row) -> None:
        """Queue a run that waited for approval."""
        self._queue(row, {})

    def rerun(self, row: Row, login: str) -> None:
        """Rerun a completed run under the same id; a run that waited for approval counts as approved.

        Args:
            login: who asked for the rerun; permissions still depend on the actor of the first attempt.
        """
        self._queue(row, {"run_attempt": row["run_attempt"] + 1, "triggering_actor": login})

    def _queue(self, row: Row, values: dict[str, object]) -> None:
        """Queue a completed run again."""
        values |= {"status": "queued", "conclusion": None, "note": None, "updated_at": now()}
        self.github.db.update("workflow_runs", row["id"], **values)
        self._join(row)
        with self._changed:
            self._changed.notify_all()

    def folder(self, run_id: int, attempt: int) -> Path:
        """Return the folder of an attempt's logs."""
        return self.data / "runs" / str(run_id) / str(attempt)

    def values(self, table: str, repository: str, environment: int = 0) -> dict[str, str]:
        """Return the variables or secrets of a repository, or of its environment with this id."""
        query = f"SELECT * FROM {table} WHERE repository = ? AND environment = ?"  # noqa: S608
        rows = self.github.db.all(query, repository, environment)
        return {row["name"]: row["value"] for row in rows}

    # Runs of an event

    def _chain(self, event: Event) -> int:
        """Return the length of the chain of workflow_run events up to this one; 0 for any other event."""
        length = 0
        while event.name == "workflow_run" and length <= CHAIN_LIMIT:
            length += 1
            query = "SELECT trigger FROM workflow_runs WHERE id = ?"
            before = self.github.db.one(query, event.payload["workflow_run"]["id"])
            if before is None:
                break
            event = Event(**json.loads(before["trigger"]))
        return length

    def _refuse(self, path: str, why: str, event: Event) -> Row:
        """Insert a run that has failed already, with the reason as its note."""
        row = self._insert(path, path, run_values(event))
        self._tell(row, "requested")
        self._end(row, "failure", why)
        return row

    def _insert(self, path: str, name: str, values: dict[str, object]) -> Row:
        moment = now()
        with self.github.db.transaction():
            count = self.github.db.count(
                "SELECT COUNT(*) FROM workflow_runs WHERE repository = ? AND path = ?",
                values["repository"],
                path,
            )
            times = {"created_at": moment, "updated_at": moment, "started_at": moment}
            more = {"path": path, "name": name, "run_number": count + 1, "note": None, **times}
            return self.github.db.insert("workflow_runs", **values, **more)

    def _join(self, row: Row) -> None:
        """Add a run to its concurrency group as a waiting member."""
        run_id, group = row["id"], row["concurrency"]
        groups = {group: ""} if group else {}
        cancels = {group} if group and row["cancels"] else set()

        def cancel(why: str) -> None:
            self._cancel(run_id, why)

        member = Member(run_id, row["repository"], groups, cancels, cancel, is_run=True)
        self._members[run_id] = member
        self.groups.join(member)

    def _cancel(self, run_id: int, why: str) -> None:
        with self._changed:
            run = self.running.get(run_id)
            row = self.github.db.one("SELECT * FROM workflow_runs WHERE id = ?", run_id)
            waits = run is None and row is not None and row["status"] == "queued"
            if waits:
                self.github.db.update("workflow_runs", run_id, status="completed", conclusion="cancelled")
        if run:
            run.cancel(why)
        elif waits and row:
            self._end(row, "cancelled", why)

    # Running

    def _loop(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                row = self._next()
                if row is None:
                    self._changed.wait(0.5)
                    continue
                run = self._open(row)
                if run is not None:
                    self.running[row["id"]] = run
            if run is not None:
                self._tell(row, "in_progress")
                self._pool.submit(self._execute, row, run)

    def _next(self) -> Row | None:
        """Return the first queued run that can start: a slot is free and its concurrency group is idle."""
        if sum(not run.waits for run in self.running.values()) >= AT_ONCE:
            return None
        for row in self.github.db.all("SELECT * FROM workflow_runs WHERE status = 'queued' ORDER BY id"):
            member = self._members.get(row["id"])
            if member is not None and self.groups.enter(member):
                return row
        return None

    def _open(self, row: Row) -> Run | None:
        """Load a run's workflow and mark the run as in progress; None if the workflow is invalid."""
        event = Event(**json.loads(row["trigger"]))
        try:
            commit = self.sources.commit(event)
            workflow = self.sources.load(event.repository, commit, row["path"])
        except InvalidWorkflow as error:
            self._end(row, "failure", str(error))
            return None
        folder = self.folder(row["id"], row["run_attempt"])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        moment = now()
        self.github.db.update(
            "workflow_runs", row["id"], status="in_progress", started_at=moment, updated_at=moment
        )

        def load(path: str) -> Workflow:
            return self.sources.load(event.repository, commit, path)

        return Run(
            self.github,
            row,
            workflow,
            event,
            load,
            self.groups,
            folder,
            self.machines,
            commit,
            self.values,
            self.id_tokens,
            self.jit,
        )

    def _execute(self, row: Row, run: Run) -> None:
        conclusion, note = "failure", "the local runner crashed; see the log of the local world"
        try:
            repository = run.event.repository
            secrets = {} if run.event.from_fork else self.values("secrets", repository)
            conclusion, note = run.execute(self.values("variables", repository), secrets)
        except Exception:
            # An error in the runner fails only this run; the dispatcher keeps running.
            _log.exception("run %s crashed", row["id"])
        finally:
            self._end(row, conclusion, note)
            with self._changed:
                self.running.pop(row["id"], None)
                self._changed.notify_all()

    def _end_lost(self, row: Row) -> None:
        """End a run, its jobs and its operating-system processes that an earlier local world left behind."""
        if row["process"]:
            processes.end_marked(RUN_MARK, row["process"])
        if row["token"]:
            self.github.revoke_token(row["token"])
        query = "SELECT * FROM jobs WHERE run_id = ? AND status != 'completed'"
        for job in self.github.db.all(query, row["id"]):
            ended = {"status": "completed", "conclusion": "cancelled"}
            self.github.db.update("jobs", job["id"], **ended, completed_at=now())
            output = {"title": job["name"], "summary": SHUT_DOWN}
            checks.update(self.github, row["repository"], job["id"], {**ended, "output": output})
        self._end(row, "cancelled", SHUT_DOWN)

    def _end(self, row: Row, conclusion: str, note: str) -> None:
        values = {"conclusion": conclusion, "note": note, "token": None, "process": None}
        self.github.db.update("workflow_runs", row["id"], status="completed", updated_at=now(), **values)
        member = self._members.pop(row["id"], None)
        if member is not None:
            self.groups.leave(member)
        self._tell(row, "completed")

    def _tell(self, row: Row, action: str) -> None:
        """Send the `workflow_run` event of a run."""
        fresh = self.github.db.one("SELECT * FROM workflow_runs WHERE id = ?", row["id"])
        repository = self.github.repository(row["repository"])
        actor = self.github.user(row["actor"])
        if fresh and repository:
            payload = {
                "workflow_run": run_shape(self.github, fresh),
                "workflow": workflow_shape(self.github, repository, row["path"], row["name"]),
            }
            emit_event(self.github, "workflow_run", action, repository, Caller(actor), payload)
