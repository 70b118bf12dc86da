"""The dispatcher: events start runs; concurrency groups and the machine's size say when they run."""

import json
import logging
import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bot.errors import UserError
from bot.local.actions import records
from bot.local.actions.expressions import Unknown, evaluate
from bot.local.actions.runner import Run, describe
from bot.local.actions.shapes import run_shape, workflow_shape
from bot.local.actions.workflow_file import InvalidWorkflow, Workflow, parse_workflow, starts
from bot.local.github.auth import Caller
from bot.local.github.clock import now
from bot.local.github.db import Row
from bot.local.github.events import tell
from bot.local.github.git import ZERO, Git
from bot.local.github.state import Event, GitHub

AT_ONCE = 2
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
FOLDER = ".github/workflows"
OF_THE_COMMIT = ("push", "pull_request")
"""Events whose workflows are those of the event's commit; all others take the default branch's."""
CHAINED = ("workflow_dispatch", "workflow_run")
"""What a workflow's own token can start, as on GitHub."""

_log = logging.getLogger(__name__)


class Dispatcher:
    """Starts runs for events and sees them to their end.

    Args:
        data: where runs leave their logs and artifacts.
        environment: what all jobs see; `PATH` must be in it.
    """

    def __init__(self, github: GitHub, data: Path, environment: Mapping[str, str]) -> None:
        self.github, self.data, self.environment = github, data, dict(environment)
        github.db.script(records.SCHEMA)
        self.running: dict[int, Run] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="actions")
        self._thread = threading.Thread(target=self._loop, name="actions", daemon=True)
        github.subscribe(self.take)

    def start(self) -> None:
        """Begin; what an earlier process left running has died with it, and is told so."""
        for row in self.github.db.all("SELECT * FROM workflow_runs WHERE status != 'completed'"):
            if row["status"] == "in_progress":
                self._end(row, "cancelled", "the machine was shut down while this ran")
        self._thread.start()

    def stop(self) -> None:
        """End what runs; what waits is taken up at the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for run in list(self.running.values()):
            run.cancel("the machine was shut down while this ran")
        if self._thread.is_alive():
            self._thread.join(10)
        self._pool.shutdown(wait=True)

    def wait_idle(self, timeout_s: float) -> None:
        """Wait until nothing runs or waits.

        Raises:
            UserError: something still does after this many seconds.
        """
        deadline = time.monotonic() + timeout_s
        open_runs = "SELECT COUNT(*) FROM workflow_runs WHERE status != 'completed'"
        # In this order: a run leaves `running` only after what it starts by its end is in the table.
        while self.running or self.github.db.count(open_runs):
            if time.monotonic() > deadline:
                raise UserError(f"workflow runs did not end within {timeout_s} s")
            time.sleep(0.1)

    def take(self, event: Event) -> None:
        """Start what an event starts; called in the thread that caused it."""
        if event.chained and event.name not in CHAINED:
            return
        for workflow in self._workflows(event):
            if isinstance(workflow, Workflow):
                if starts(workflow, event, self._changed_files(event)):
                    self.enqueue(workflow, event)
            elif event.name in OF_THE_COMMIT:
                self._refuse(workflow, event)

    def enqueue(self, workflow: Workflow, event: Event) -> Row:
        """A new run, waiting; a group's earlier waiting run makes room for it."""
        stated = workflow.data.get("concurrency")
        group, cancels = None, False
        if stated:
            text = stated if isinstance(stated, str) else str(stated.get("group", ""))
            try:
                group = evaluate(text, _context(event))
            except Unknown as error:
                return self._refuse((workflow.path, str(error)), event)
            cancels = isinstance(stated, dict) and bool(stated.get("cancel-in-progress", False))
        with self._changed:
            if group is not None:
                self._make_room(event.repository, group, cancels)
            row = self._insert(workflow.path, workflow.name, event, group, cancels)
            self._changed.notify_all()
        self._tell(row, "requested")
        return row

    def cancel(self, row: Row) -> None:
        """Cancel a run that waits or runs."""
        run = self.running.get(row["id"])
        if run:
            run.cancel("cancelled by request")
        elif row["status"] != "completed":
            self._end(row, "cancelled", "cancelled before it began")

    def rerun(self, row: Row) -> None:
        """Make a finished run again, under the same number."""
        self.github.db.update(
            "workflow_runs", row["id"], status="queued", conclusion=None, run_attempt=row["run_attempt"] + 1
        )
        with self._changed:
            self._changed.notify_all()

    def folder(self, run_id: int) -> Path:
        return self.data / "runs" / str(run_id)

    def load(self, repository: str, commit: str, path: str) -> Workflow:
        """A workflow file of a commit.

        Raises:
            InvalidWorkflow: it is not there, or cannot be run.
        """
        return parse_workflow(path, self.source(repository, commit, path))

    def source(self, repository: str, commit: str, path: str) -> bytes:
        """The text of a workflow file."""
        git = self.github.git(repository)
        entry = git.entry(commit, path)
        if entry is None or entry.kind != "blob":
            raise InvalidWorkflow(f"{path} is not there at {commit[:7]}")
        return git.blob(entry.sha)

    # What an event starts

    def _workflows(self, event: Event) -> list[Workflow | tuple[str, str]]:
        """The workflow files that count for an event; one that cannot be read is its path and why."""
        row = self.github.repository(event.repository)
        if row is None:
            return []
        git = self.github.git(event.repository)
        commit = (
            event.sha if event.name in OF_THE_COMMIT else git.resolve(f"refs/heads/{row['default_branch']}")
        )
        found: list[Workflow | tuple[str, str]] = []
        for path in workflow_paths(git, commit) if commit else []:
            try:
                found.append(self.load(event.repository, str(commit), path))
            except InvalidWorkflow as error:
                found.append((path, str(error)))
        return found

    def _changed_files(self, event: Event) -> list[str]:
        git = self.github.git(event.repository)
        if event.name == "pull_request":
            pull = event.payload["pull_request"]
            between = f"{pull['base']['sha']}...{pull['head']['sha']}"
        elif event.name == "push" and event.payload["after"] != ZERO:
            before = event.payload["before"]
            between = f"{EMPTY_TREE if before == ZERO else before}..{event.payload['after']}"
        else:
            return []
        return [name for name in git.text("diff", "--name-only", "-z", between).split("\0") if name]

    def _refuse(self, reason: tuple[str, str], event: Event) -> Row:
        """A run that fails at once, and says why."""
        path, why = reason
        row = self._insert(path, path, event, None, False)
        self._end(row, "failure", why)
        return row

    def _insert(self, path: str, name: str, event: Event, group: str | None, cancels: bool) -> Row:
        count = self.github.db.count(
            "SELECT COUNT(*) FROM workflow_runs WHERE repository = ? AND path = ?", event.repository, path
        )
        head = event.payload.get("pull_request", {}).get("head", {}) if event.name == "pull_request" else {}
        source = (head.get("repo") or {}).get("full_name") or event.repository
        moment = now()
        return self.github.db.insert(
            "workflow_runs",
            repository=event.repository,
            path=path,
            name=name,
            event=event.name,
            head_sha=head.get("sha") or event.sha,
            head_branch=head.get("ref") or event.ref.removeprefix("refs/heads/"),
            head_repository=source,
            actor=event.actor,
            run_number=count + 1,
            concurrency=group,
            cancels=int(cancels),
            trigger=describe(event),
            created_at=moment,
            updated_at=moment,
            started_at=moment,
        )

    def _make_room(self, repository: str, group: str, cancels: bool) -> None:
        """Within a group one runs and one waits: a new run takes the place of the one that waits."""
        same = self.github.db.all(
            "SELECT * FROM workflow_runs WHERE repository = ? AND concurrency = ? AND status != 'completed'",
            repository,
            group,
        )
        for row in same:
            run = self.running.get(row["id"])
            if run is None:
                self._end(row, "cancelled", f"a later run of the group {group} took its place")
            elif cancels:
                run.cancel(f"a later run of the group {group} took its place")

    # Running

    def _loop(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                row = self._next()
                if row is None:
                    self._changed.wait(1)
                    continue
                run = self._open(row)
                if run is None:
                    continue
                self.running[row["id"]] = run
            self._pool.submit(self._execute, row, run)

    def _next(self) -> Row | None:
        """The first waiting run that may begin: there is room, and nothing of its group runs."""
        if len(self.running) >= AT_ONCE:
            return None
        for row in self.github.db.all("SELECT * FROM workflow_runs WHERE status = 'queued' ORDER BY id"):
            busy = self.github.db.one(
                "SELECT id FROM workflow_runs"
                " WHERE repository = ? AND concurrency = ? AND status = 'in_progress'",
                row["repository"],
                row["concurrency"],
            )
            if row["concurrency"] is None or busy is None:
                return row
        return None

    def _open(self, row: Row) -> Run | None:
        event = Event(**json.loads(row["trigger"]))
        repository = self.github.repository(event.repository)
        branch = repository["default_branch"] if repository else "main"
        git = self.github.git(event.repository)
        commit = (
            event.sha if event.name in OF_THE_COMMIT else git.resolve(f"refs/heads/{branch}") or event.sha
        )
        try:
            workflow = self.load(event.repository, commit, row["path"])
        except InvalidWorkflow as error:
            self._end(row, "failure", str(error))
            return None
        folder = self.folder(row["id"])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "workflow.yml").write_bytes(self.source(event.repository, commit, row["path"]))
        self.github.db.update(
            "workflow_runs", row["id"], status="in_progress", started_at=now(), updated_at=now()
        )
        return Run(self.github, row["id"], workflow, event, folder, self.environment)

    def _execute(self, row: Row, run: Run) -> None:
        conclusion = "failure"
        try:
            repository = run.event.repository
            trusted = not run.event.from_fork
            secrets = self.values("secrets", repository) if trusted else {}
            conclusion = run.execute(self.values("variables", repository), secrets)
        except Exception as error:
            # Whatever breaks the runner breaks one run, which says so; the dispatcher lives on.
            _log.exception("run %s broke", row["id"])
            run.note(f"the runner broke: {error}")
        finally:
            self._end(row, conclusion, run.cancelled)
            with self._changed:
                self.running.pop(row["id"], None)
                self._changed.notify_all()

    def values(self, table: str, repository: str) -> dict[str, str]:
        """The repository's variables or secrets."""
        rows = self.github.db.all(f"SELECT * FROM {table} WHERE repository = ?", repository)  # noqa: S608
        return {row["name"]: row["value"] for row in rows}

    def _end(self, row: Row, conclusion: str, note: str) -> None:
        self.github.db.update(
            "workflow_runs", row["id"], status="completed", conclusion=conclusion, note=note, updated_at=now()
        )
        self._tell(row, "completed")

    def _tell(self, row: Row, action: str) -> None:
        """The `workflow_run` event of a run."""
        fresh = self.github.db.one("SELECT * FROM workflow_runs WHERE id = ?", row["id"])
        repository = self.github.repository(row["repository"])
        actor = self.github.user(row["actor"])
        if fresh and repository:
            payload = {
                "workflow_run": run_shape(self.github, fresh),
                "workflow": workflow_shape(self.github, repository, row["path"], row["name"]),
            }
            tell(self.github, "workflow_run", action, repository, Caller(actor), payload)


def workflow_paths(git: Git, commit: str) -> list[str]:
    """The workflow files of a commit."""
    names = (entry.path for entry in git.entries(commit, path=f"{FOLDER}/") if entry.kind == "blob")
    return sorted(name for name in names if name.endswith((".yml", ".yaml")))


def _context(event: Event) -> dict[str, Any]:
    return {
        "github": {
            "event": event.payload,
            "event_name": event.name,
            "ref": event.ref,
            "sha": event.sha,
            "actor": event.actor,
            "repository": event.repository,
            "workflow": "",
        },
        "inputs": event.payload.get("inputs") or {},
    }
