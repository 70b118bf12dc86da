"""One run: a clone at the event's commit, act in it, and what comes of each job."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from bot.local.actions.act import Line, command_line, read_log, stub_options, unmapped
from bot.local.actions.workflow_file import InvalidWorkflow, Workflow, parse_workflow
from bot.local.github.clock import now
from bot.local.github.state import ACTIONS_BOT, Event, GitHub

DEFAULT_TIMEOUT_MIN = 360
DRAIN = Path(__file__).with_name("drain.sh")
CONCLUSIONS = {"success": "success", "failure": "failure", "cancelled": "cancelled", "skipped": "skipped"}


class Run:
    """A run while it runs.

    Args:
        run_id: its row in the table workflow_runs.
        folder: where its files are: log, event, clone; the clone is removed at the end.
        environment: what all jobs see.
    """

    def __init__(
        self,
        github: GitHub,
        run_id: int,
        workflow: Workflow,
        event: Event,
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.github, self.run_id, self.workflow, self.event = github, run_id, workflow, event
        self.folder, self.environment = folder, environment
        self.runtime_token = secrets.token_hex(16)
        self.cancelled = ""
        self.last_line = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs: dict[str, dict[str, Any]] = {}
        self._annotations: dict[str, list[dict[str, Any]]] = {}
        self._timers: dict[str, threading.Timer] = {}
        self._pending = set(workflow.jobs)

    def execute(self, variables: Mapping[str, str], secret_values: Mapping[str, str]) -> str:
        """Run to the end; returns the conclusion."""
        token = self.github.create_token(
            ACTIONS_BOT, permissions=self._granted(), repository=self.event.repository, workflow=True
        )
        self._token = token
        try:
            self._prepare({**secret_values, "GITHUB_TOKEN": token})
            missing = unmapped(self.workflow)
            if missing:
                raise InvalidWorkflow(f"no runner here has the label {', '.join(missing)}")
            command = command_line(
                self.event.name,
                self.workflow,
                self.folder,
                self._job_environment(),
                variables,
                self.event.actor,
            ) + stub_options(sorted(self._actions()))
            return self._act(command)
        except (InvalidWorkflow, LookupError) as error:
            self.note(str(error.args[0]))
            return "failure"
        finally:
            self.github.revoke_token(token)
            for timer in self._timers.values():
                timer.cancel()
            for name in [name for name, job in self._jobs.items() if job["conclusion"] is None]:
                self._end_job(name, "cancelled" if self.cancelled else "failure")
            for name in ("workspace", "act", "secrets"):
                path = self.folder / name
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def cancel(self, why: str) -> None:
        """End everything that the run started."""
        self.cancelled = why
        process = self._process
        if process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid)
            everyone = [family, *family.children(recursive=True)]
            for member in everyone:
                _signal(member.pid, signal.SIGTERM)
            _, alive = psutil.wait_procs(everyone, timeout=3)
            for member in alive:
                _signal(member.pid, signal.SIGKILL)

    def note(self, text: str) -> None:
        """Say something in the run's log that no job said."""
        self._log("", text)

    def _prepare(self, secret_values: Mapping[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "event.json").write_text(json.dumps(self.event.payload))
        secret_file = self.folder / "secrets"
        secret_file.touch(mode=0o600)
        secret_file.write_text(
            "".join(f"{name}={json.dumps(value)}\n" for name, value in secret_values.items())
        )
        workspace = self.folder / "workspace"
        git = ["git", "-c", "advice.detachedHead=false"]
        source = str(self.github.repo_path(self.event.repository))
        subprocess.run(
            [*git, "clone", "--quiet", "--shared", "--no-checkout", source, str(workspace)], check=True
        )
        subprocess.run([*git, "-C", str(workspace), "checkout", "--quiet", self.event.sha], check=True)
        # A workflow of the default branch runs for an event of another commit too; what runs is in the clone.
        (workspace / self.workflow.path).write_bytes(self._source())

    def _source(self) -> bytes:
        return (self.folder / "workflow.yml").read_bytes()

    def _actions(self) -> set[str]:
        """Third-party actions of the workflow, and of the repository's workflows that it calls."""
        found = self.workflow.uses()
        for job in self.workflow.jobs.values():
            used = str(job.get("uses", ""))
            if used.startswith("./"):
                path = self.folder / "workspace" / used
                found |= parse_workflow(used, path.read_bytes()).uses()
        return found

    def _job_environment(self) -> dict[str, str]:
        github = self.github
        return {
            **self.environment,
            "BASH_ENV": str(DRAIN),
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.base_url,
            "GITHUB_GRAPHQL_URL": f"{github.base_url}/api/graphql",
            "GITHUB_REPOSITORY": self.event.repository,
            "GITHUB_RUN_ID": str(self.run_id),
            "GITHUB_REF": self.event.ref,
            "ACTIONS_RESULTS_URL": f"{github.base_url}/_actions/runs/{self.run_id}/artifacts",
            "ACTIONS_RUNTIME_TOKEN": self.runtime_token,
        }

    def _act(self, command: list[str]) -> str:
        environment = {"PATH": self.environment["PATH"], "HOME": os.environ.get("HOME", "/")}
        process = subprocess.Popen(
            command,
            cwd=self.folder / "workspace",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._process = process
        assert process.stdout is not None  # noqa: S101  it is a pipe
        if self.cancelled:
            self.cancel(self.cancelled)
        for line in read_log(process.stdout):
            self._take(line)
        code = process.wait()
        if self.cancelled:
            return "failure" if self.cancelled.startswith("timed out") else "cancelled"
        conclusions = {job["conclusion"] for job in self._jobs.values()}
        if not code and not conclusions:
            return "skipped"
        return "failure" if code or "failure" in conclusions else "success"

    def _take(self, line: Line) -> None:
        if line.output:
            self.last_line = line.text
        self._log(line.job, line.text)
        if not line.job:
            return
        job = self._jobs.get(line.job) or self._begin_job(line.job)
        if line.annotation:
            self._annotations.setdefault(line.job, []).append(_annotation(line.annotation))
        if line.step_result and line.step:
            job["steps"].append({"name": line.step[:200], "conclusion": line.step_result})
        if line.result:
            self._end_job(line.job, CONCLUSIONS.get(line.result, "failure"))

    def _begin_job(self, name: str) -> dict[str, Any]:
        shown = name.rsplit("/", 1)[-1].strip()
        check = self.github.create_check_run(
            self.event.repository,
            {"name": shown, "head_sha": _head(self.event), "status": "in_progress"},
        )
        row = self.github.db.insert(
            "jobs",
            run_id=self.run_id,
            name=shown,
            status="in_progress",
            check_run_id=check["id"],
            started_at=now(),
        )
        minutes = self._timeout(shown)
        timer = threading.Timer(60 * minutes, self.cancel, [f"timed out after {minutes} minutes"])
        timer.daemon = True
        timer.start()
        self._timers[name] = timer
        self._jobs[name] = {"id": row["id"], "check": check["id"], "steps": [], "conclusion": None}
        return self._jobs[name]

    def _timeout(self, shown: str) -> float:
        for key, job in self.workflow.jobs.items():
            if shown in (key, job.get("name")):
                return float(job.get("timeout-minutes", DEFAULT_TIMEOUT_MIN))
        return DEFAULT_TIMEOUT_MIN

    def _end_job(self, name: str, conclusion: str) -> None:
        job = self._jobs[name]
        job["conclusion"] = conclusion
        self._timers[name].cancel()
        self.github.db.update(
            "jobs",
            job["id"],
            status="completed",
            conclusion=conclusion,
            steps=json.dumps(job["steps"]),
            completed_at=now(),
        )
        fields: dict[str, Any] = {"status": "completed", "conclusion": conclusion}
        annotations = self._annotations.get(name, [])[:50]
        if annotations or self.cancelled:
            summary = self.cancelled or f"{len(annotations)} annotations"
            fields["output"] = {"title": name, "summary": summary, "annotations": annotations}
        self.github.update_check_run(self.event.repository, job["check"], fields)
        self._pending = {key for key in self._pending if self.workflow.jobs[key].get("name", key) != name}
        self.github.set_token_permissions(self._token, self._granted())

    def _granted(self) -> dict[str, str]:
        """The permissions of the jobs that can run now: those not ended whose needs have ended."""
        granted: dict[str, str] = {}
        for key in self._pending:
            needs = self.workflow.jobs[key].get("needs", [])
            needed = {needs} if isinstance(needs, str) else set(needs)
            if not needed & self._pending:
                for area, level in self.workflow.permissions(key).items():
                    if self.event.from_fork and level == "write":
                        level = "read"
                    if granted.get(area) != "write":
                        granted[area] = level
        return granted

    def _log(self, job: str, text: str) -> None:
        with (self.folder / "log.txt").open("a") as file:
            file.write(f"{now()} [{job}] {text}\n")


def describe(event: Event) -> str:
    """An event as JSON, so that its run can be made again."""
    return json.dumps(asdict(event))


def _head(event: Event) -> str:
    """The commit that people see a run at: a pull request's head, else the event's commit."""
    if event.name == "pull_request":
        return str(event.payload["pull_request"]["head"]["sha"])
    return event.sha


def _annotation(said: Mapping[str, Any]) -> dict[str, Any]:
    line = int(said.get("line") or 1)
    level = {"error": "failure", "warning": "warning", "notice": "notice"}[said["level"]]
    return {
        "path": said.get("file") or ".github",
        "start_line": line,
        "end_line": int(said.get("endLine") or line),
        "annotation_level": level,
        "message": str(said["message"]).strip() or "(no message)",
        **({"title": said["title"]} if said.get("title") else {}),
    }


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
