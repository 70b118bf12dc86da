"""One workflow run: act in a folder at the event's commit, and the recording of its results."""

import json
import logging
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localworld.actions import processes
from localworld.actions.act import command_line, composite_uses, missing_stubs, read_log, validate
from localworld.actions.admission import Admission, Entrant
from localworld.actions.claims import Identity
from localworld.actions.concurrency import Groups
from localworld.actions.deployments import Deployments, Values
from localworld.actions.jit import JitRunners
from localworld.actions.machines import Machines
from localworld.actions.oidc import TOKEN_VARIABLE, IdTokens
from localworld.actions.prepare import Gate, place, prepare
from localworld.actions.results import Results
from localworld.actions.workflow_file import InvalidWorkflow, Workflow
from localworld.github import policies
from localworld.github.db import Row
from localworld.github.event import Event
from localworld.github.state import ACTIONS_BOT, GitHub

JOB_MARK, RUN_MARK = "LOCAL_JOB_ID", "ACTIONS_RUNTIME_TOKEN"
"""Environment variables that mark the processes of a job and of a run."""
CANCEL_GRACE_S = 20.0
"""How many seconds the steps with `if: always()` of a cancelled job may run."""
_DRAIN = Path(__file__).with_name("drain.sh")
_log = logging.getLogger(__name__)


class Run:
    """A workflow run in progress.

    Args:
        row: the run's row in the table workflow_runs.
        load: reads another workflow file, by its reference.
        folder: the run's folder: logs, and during the run also the event, the secrets and act's folders.
        commit: the commit of the workflow file.
        values: returns the secrets or variables of an environment.

    Attributes:
        mark: the run's runtime token, and the value of RUN_MARK in the run's processes.
    """

    def __init__(
        self,
        github: GitHub,
        row: Row,
        workflow: Workflow,
        event: Event,
        load: Callable[[str], Workflow],
        groups: Groups,
        folder: Path,
        machines: Machines,
        commit: str,
        values: Values,
        id_tokens: IdTokens,
        jit: JitRunners,
    ) -> None:
        self.github, self.row, self.workflow, self.event = github, row, workflow, event
        self.folder, self.machines = folder, machines
        self.mark = secrets.token_hex(16)
        self.cancelled = ""
        self._load, self._groups, self._jit = load, groups, jit
        self._deployments = Deployments(github, row, event, values)
        self._identity, self._id_tokens = Identity(github, row, event, workflow, commit), id_tokens
        self._token = ""
        self._secrets: list[str] = []
        self._tickets: set[str] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._results: Results | None = None
        self._admission: Admission | None = None

    @property
    def last_line(self) -> str:
        """The last line that a step printed."""
        return self._results.last_line if self._results else ""

    @property
    def waits(self) -> bool:
        """Whether all started jobs wait, for concurrency groups or reviews, and so occupy no runner."""
        return self._admission is not None and self._admission.waits

    def execute(self, variables: Mapping[str, str], secret_values: Mapping[str, str]) -> tuple[str, str]:
        """Execute the run; return its conclusion and a note about the run as a whole, which may be empty."""
        repository = self.event.repository
        self._token = self.github.create_token(
            ACTIONS_BOT, permissions={}, repository=repository, workflow=True
        )
        self.github.db.update("workflow_runs", self.row["id"], token=self._token, process=self.mark)
        known = {**secret_values, "GITHUB_TOKEN": self._token}
        self._secrets = sorted(_parts(known.values()), key=len, reverse=True)
        workflows: dict[str, Workflow] = {}
        try:
            self._collect(self.workflow, workflows)
            for number, workflow in enumerate(workflows.values()):
                validate(workflow, self.folder / f"check{number}", self.machines.path)
            return self._conclude(self._act(workflows, variables, known))
        except InvalidWorkflow as error:
            (self.folder / "log.txt").write_text(f"{error}\n")
            return "failure", str(error)
        finally:
            self._clean()

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """Answer a gate of one of the run's jobs; see `Admission.ask`."""
        if self._admission is None:
            return None
        answer = self._admission.ask(question)
        status = "waiting" if self._admission.waits_for_review else "in_progress"
        query = "UPDATE workflow_runs SET status = ? WHERE id = ? AND status IN ('waiting', 'in_progress')"
        self.github.db.run(query, status, self.row["id"])
        return answer

    def command(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """Answer the shell of a job on a just-in-time runner; see `JitRunners.ask`."""
        return self._jit.ask(question) if question.get("job") in self._tickets else None

    def _equip(
        self, ticket: str, entrant: Entrant, permissions: Mapping[str, str]
    ) -> dict[str, dict[str, str]]:
        """Return what a starting job gets: its machine, access to ID tokens and its environment's secrets."""
        self._tickets.add(ticket)
        repository = self.event.repository
        if self._jit.runner_of(ticket):
            machine, workspace = self.machines.remote(), ""
        else:
            machine, workspace = self.machines.enter(ticket, entrant.labels, repository, self.folder)
        variables: dict[str, str] = {}
        environment = entrant.deployment.environment["name"] if entrant.deployment else ""
        if permissions.get("id-token") == "write" and not self.event.from_fork:
            claims = self._identity.claims(entrant.gate.workflow, environment, entrant.labels)
            variables = self._id_tokens.open(ticket, lambda: {**claims, **self._check_run(ticket)})
        outputs = self._deployments.outputs(entrant.deployment) if entrant.deployment else {}
        hidden = [value for name, value in outputs.items() if name.startswith("secrets-")]
        hidden += [variables[TOKEN_VARIABLE]] if variables else []
        self._secrets = sorted({*self._secrets, *_parts(hidden)}, key=len, reverse=True)
        return {
            "environment": {**machine, **variables},
            "outputs": outputs,
            "machine": {"workspace": workspace},
        }

    def _check_run(self, ticket: str) -> dict[str, str]:
        """Return the claim `check_run_id`, known once the job's ticket has appeared in its log."""
        jobs = self._results.jobs.values() if self._results else ()
        found = next((job for job in jobs if job.ticket == ticket), None)
        return {"check_run_id": str(found.id)} if found else {}

    def cancel(self, why: str) -> None:
        """Cancel the run and end all its processes."""
        self.cancelled = self.cancelled or why
        if self._results is not None:
            self._results.cancelled = self.cancelled
        if self._process is not None:
            processes.end([*processes.family(self._process.pid), *processes.marked(RUN_MARK, self.mark)])

    def _cancel_job(self, ticket: str, why: str) -> None:
        """Cancel a job: end its current step now, and its `always()` steps after CANCEL_GRACE_S seconds."""
        results = self._results
        job = next((job for job in results.jobs.values() if job.ticket == ticket), None) if results else None
        if job is None or job.conclusion:
            return
        job.cancelled = job.cancelled or why
        processes.end(processes.marked(JOB_MARK, ticket))
        timer = threading.Timer(CANCEL_GRACE_S, self._cancel_job, [ticket, why])
        timer.daemon = True
        timer.start()

    def _collect(self, workflow: Workflow, found: dict[str, Workflow]) -> None:
        """Add a workflow and all workflows that it calls to `found`, by reference."""
        found[workflow.reference] = workflow
        for reference in workflow.calls().values():
            if reference not in found:
                self._collect(self._load(reference), found)

    def _act(
        self,
        workflows: Mapping[str, Workflow],
        variables: Mapping[str, str],
        secret_values: Mapping[str, str],
    ) -> int:
        """Write the files that act reads, then run act; return its exit code."""
        uses = {use for workflow in workflows.values() for job in workflow.jobs for use in workflow.uses(job)}
        uses |= composite_uses(self.github.git(self.event.repository), self.event.sha)
        for repository, _, commit in {w.origin.partition("@") for w in workflows.values() if w.origin}:
            uses |= composite_uses(self.github.git(repository), commit)
        gates: dict[str, Gate] = {}
        workspace = self._workspace()
        for reference, workflow in workflows.items():
            text, more = prepare(
                workflow, missing_stubs(uses), caller="" if workflow is self.workflow else self.workflow.name
            )
            gates |= more
            file = workspace / place(reference)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
        for name, values in (
            ("event.json", self.event.payload),
            ("secrets.yaml", secret_values),
            ("variables.yaml", variables),
            ("environment.yaml", self._job_environment()),
        ):
            file = self.folder / name
            file.touch(mode=0o600)
            file.write_text(json.dumps(values))
        self._results = Results(self.github, self.row, self.workflow, workflows, self.folder, self.hide)
        self._admission = Admission(
            self.row["id"],
            self.event.repository,
            self._groups,
            gates,
            _called(workflows),
            workflows,
            self._cancel_job,
            self._grant,
            self._deployments,
            self._equip,
            self._default_permissions(),
            self._jit,
        )
        event, path = self.event, self.workflow.path
        return self._follow(command_line(event.name, path, self.folder, event.actor, uses))

    def _follow(self, command: list[str]) -> int:
        """Run act and record its log; return its exit code."""
        assert self._results and self._admission  # noqa: S101  set by the only caller
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={
                "PATH": self.machines.path,
                "HOME": str(self.folder),  # until the gate sets the job's own
                "LANG": "C.UTF-8",
                RUN_MARK: self.mark,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self.cancelled:
            self.cancel(self.cancelled)
        assert self._process.stdout is not None  # noqa: S101  stdout is a pipe
        for line in read_log(self._process.stdout):
            job = self._results.take(line)
            if job and (runner := self._jit.runner_of(job.ticket)):
                self.github.db.update("jobs", job.id, runner_id=runner["id"], runner_name=runner["name"])
            if job and job.conclusion:
                self._jit.leave(job.ticket)
                self._id_tokens.close(job.ticket)
                self._admission.leave(job.ticket)
                self.machines.leave(job.ticket)
        return self._process.wait()

    def _conclude(self, code: int) -> tuple[str, str]:
        assert self._results  # noqa: S101  set before act started
        self._results.end_all()
        found = self._results.conclusion()
        if self.cancelled:
            return "cancelled", self.cancelled
        if code and found not in ("failure", "cancelled"):
            return "failure", f"act failed with exit code {code}; see the log of the run"
        # If act succeeded, a failed job had `continue-on-error`.
        return ("success" if not code and found != "skipped" else found), ""

    def _clean(self) -> None:
        """Revoke tokens, end remaining processes, and delete everything but logs and the summary."""
        self.github.revoke_token(self._token)
        if self._admission:
            self._admission.close()
        for ticket in self._tickets:
            self._id_tokens.close(ticket)
            self._jit.leave(ticket)
            self.machines.leave(ticket)
        processes.end_marked(RUN_MARK, self.mark)
        if self._results:
            self._results.end_all()
            self._results.close()
        for path in self.folder.iterdir():
            if path.name not in ("log.txt", "jobs", "summary.md"):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()

    def _workspace(self) -> Path:
        """Create act's workspace: an empty git repository whose HEAD is the event's commit."""
        workspace = self.folder / "workspace"
        subprocess.run(["git", "init", "--quiet", str(workspace)], check=True, capture_output=True)
        (workspace / ".git" / "HEAD").write_text(f"{self.event.sha}\n")
        return workspace

    def _job_environment(self) -> dict[str, str]:
        github = self.github
        return {
            "BASH_ENV": str(_DRAIN),
            # act runs steps in a terminal, unlike GitHub's runners, so a pager would wait for a key forever.
            "PAGER": "cat",
            "GIT_PAGER": "cat",
            "TERM": "dumb",
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.base_url,
            "GITHUB_GRAPHQL_URL": f"{github.base_url}/api/graphql",
            "GITHUB_REPOSITORY": self.event.repository,
            "GITHUB_RUN_ID": str(self.row["id"]),
            "GITHUB_RUN_NUMBER": str(self.row["run_number"]),
            "GITHUB_RUN_ATTEMPT": str(self.row["run_attempt"]),
            "GITHUB_REF": self.event.ref,
            "GITHUB_TRIGGERING_ACTOR": self.event.actor,
            "ACTIONS_RESULTS_URL": f"{github.base_url}/_actions/runs/{self.row['id']}/artifacts",
            RUN_MARK: self.mark,
        }

    def _default_permissions(self) -> str:
        """Return the default token permissions of workflows that define none: `read` or `write`."""
        repository = self.github.repository(self.event.repository)
        policy = policies.of(self.github, repository) if repository else {}
        return str(policy.get("default_workflow_permissions", "read"))

    def _grant(self, permissions: Mapping[str, str]) -> None:
        """Set the GITHUB_TOKEN's permissions; for a pull request from a fork, `write` becomes `read`."""
        capped = {
            area: "read" if self.event.from_fork and level == "write" else level
            for area, level in permissions.items()
        }
        self.github.set_token_permissions(self._token, capped)

    def hide(self, text: str) -> str:
        """Mask secrets in a text; act masks most of them, but not the single lines of multi-line secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _called(workflows: Mapping[str, Workflow]) -> dict[tuple[str, str], Workflow]:
    """Return the called workflow, by (file reference, job) of each job that calls one."""
    files = workflows.values()
    return {(file.reference, job): workflows[to] for file in files for job, to in file.calls().items()}


def _parts(values: Any) -> set[str]:
    """Return the secrets and their single lines, except those so short that masking would garble the log."""
    return {part for value in values for part in (value, *value.splitlines()) if len(part.strip()) > 3}
