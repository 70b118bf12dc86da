"""Results of a run's jobs: their rows, steps, check runs with annotations, logs and summaries."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localworld.actions.act import Line
from localworld.actions.call_tree import Place, declared_name, places, with_matrix, workflow_name
from localworld.actions.workflow_file import Workflow
from localworld.github import checks, shapes
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.state import GitHub

ANNOTATIONS_A_JOB, ANNOTATIONS_A_KIND_AND_STEP = 50, 10
CONCLUSIONS = ("success", "failure", "cancelled", "skipped")
_LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}
_GATE_STEP = ("0",)
_WAITS = {"waiting": "waiting", "waited": "in_progress"}
"""Lines that gate.py prints about a job with an environment -> the job's status."""


@dataclass
class Job:
    """A job that has started, or that was skipped.

    Attributes:
        id: the id of its row and of its check run.
        name: the name that GitHub shows.
        place: the place of its workflow in the call tree.
        key: the job's id in that workflow.
        ticket: the dispatcher's ID of the job; empty until the gate has printed it.
        cancelled: why the job was cancelled; empty if it was not.
        conclusion: the job's conclusion; empty while it runs.
        counted: the number of annotations, by (step, level).
    """

    id: int
    name: str
    place: Place
    key: str
    ticket: str = ""
    cancelled: str = ""
    conclusion: str = ""
    steps: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def stated(self) -> Mapping[str, Any]:
        """The job's definition in its workflow."""
        return self.place.workflow.jobs.get(self.key, {})


class Results:
    """The records of one attempt of a run.

    Args:
        run: the run's row in workflow_runs.
        workflow: the run's workflow.
        workflows: this workflow and all called ones, by reference.
        folder: the folder for the logs.
        hide: masks secrets in a text.

    Attributes:
        last_line: the last line that a step printed.
        cancelled: why the whole run is being cancelled; jobs that end after that are cancelled, too.
    """

    def __init__(
        self,
        github: GitHub,
        run: Row,
        workflow: Workflow,
        workflows: Mapping[str, Workflow],
        folder: Path,
        hide: Callable[[str], str],
    ) -> None:
        self.github, self.run, self._places = github, run, places(workflow, workflows)
        self.folder, self.hide = folder, hide
        self.jobs: dict[tuple[str, str], Job] = {}
        self.last_line = ""
        self.cancelled = ""
        self._log = (folder / "log.txt").open("a", buffering=1)
        (folder / "jobs").mkdir(exist_ok=True)
        repository = github.repository(run["repository"])
        self._web = shapes.web_url(github, repository) if repository else ""

    def close(self) -> None:
        """Close the run's log file."""
        self._log.close()

    def note(self, text: str) -> None:
        """Write a line that belongs to no job to the run's log."""
        self._log.write(f"{now()} {self.hide(text)}\n")

    def take(self, line: Line) -> Job | None:
        """Record a line of act's log; return the job that it belongs to, if any."""
        if not line.job:
            self.note(line.text)
            return None
        identity = line.job, json.dumps(line.matrix, sort_keys=True)
        job = self.jobs.get(identity)
        if job is None:
            place, name = self._named(line)
            job = self.jobs[identity] = self._begin(name, place, line.job_id)
        if line.step == _GATE_STEP:
            self._take_gate(job, line)
        else:
            self._take_step(job, line)
        if line.result:
            self.end(job, line.result if line.result in CONCLUSIONS else "failure")
        return job

    def _take_gate(self, job: Job, line: Line) -> None:
        """Record a line of the gate, which is not shown as a step; only its refusal is written to the log."""
        if line.output and line.text.startswith("job ") and not job.ticket:
            job.ticket = line.text.removeprefix("job ").strip()
        if line.output and line.text.strip() in _WAITS:
            self._save(job, status=_WAITS[line.text.strip()])
        if line.annotation:
            self._write(job, f"##[error]{line.annotation['message']}")
            self._annotate(job, line)

    def _take_step(self, job: Job, line: Line) -> None:
        outermost = len(line.step) == 1
        if line.starts and outermost:
            name = self._step_name(job, line)
            self._write(job, f"##[group]{name}")
            step = {"name": name, "step": line.step[0], "status": "in_progress", "started_at": now()}
            job.steps.append({**step, "conclusion": None, "completed_at": None})
            self._save(job)
        elif line.annotation:
            self._write(job, f"##[{line.annotation['level']}]{line.annotation['message']}")
            self._annotate(job, line)
        elif line.step_result and outermost:
            self._end_step(job, line)
        elif not line.chatter:
            self._write(job, line.text)
            if line.output:
                self.last_line = self.hide(line.text)
        if line.summary:
            with (self.folder / "summary.md").open("a") as file:
                file.write(self.hide(line.summary))

    def _end_step(self, job: Job, line: Line) -> None:
        open_steps = [step for step in job.steps if step["step"] == line.step[0] and not step["conclusion"]]
        if not open_steps:  # act reports no start of a skipped step
            open_steps = [{"name": self._step_name(job, line), "step": line.step[0], "started_at": now()}]
            job.steps += open_steps
        open_steps[-1].update(status="completed", conclusion=line.step_result, completed_at=now())
        self._save(job)

    def end(self, job: Job, conclusion: str) -> None:
        """Record the end of a job; do nothing if the job has ended before."""
        if job.conclusion:
            return
        job.cancelled = job.cancelled or self.cancelled
        job.conclusion = conclusion = "cancelled" if job.cancelled else conclusion
        moment = now()
        self._add_skipped_steps(job, moment)
        for step in job.steps:
            if not step["conclusion"]:
                step.update(status="completed", conclusion=conclusion, completed_at=moment)
        if job.cancelled:
            self._write(job, f"##[error]{job.cancelled}")
            job.annotations.append(_annotation({"level": "error", "message": job.cancelled}))
        self._save(job, status="completed", conclusion=conclusion, completed_at=moment)
        self._complete_check(job.id, job.name, conclusion, job.annotations[-ANNOTATIONS_A_JOB:])

    def _add_skipped_steps(self, job: Job, moment: str) -> None:
        """Add the steps whose `if` was false: act does not report them, but GitHub lists them in order."""
        began = [step["step"] for step in job.steps]
        place = 1
        for number, defined in enumerate(job.stated.get("steps") or (), 1):
            step = str(defined.get("id", number))
            if step in began:
                place = 1 + [one["step"] for one in job.steps].index(step)
            elif began:
                name = str(defined.get("name") or f"Run {defined.get('uses') or defined.get('run', '')}")
                times = {"started_at": moment, "completed_at": moment}
                shown = {"name": self.hide(name.partition("\n")[0][:200]), "step": step, **times}
                job.steps.insert(place, {**shown, "status": "completed", "conclusion": "skipped"})
                place += 1

    def end_all(self) -> None:
        """Record the end of the run: jobs in progress failed, and jobs that never started were skipped."""
        for job in self.jobs.values():
            self.end(job, "failure")
        if not self.cancelled:
            for place in self._places:
                self._add_skipped_jobs(place)

    def _add_skipped_jobs(self, place: Place) -> None:
        """Add the jobs that did not start, for instance because their `if` was false; act omits them."""
        inside = [job for job in self.jobs.values() if place in job.place.path()]
        if place.above and not inside:
            return  # the calling job was skipped instead
        began = {job.key for job in inside if job.place is place}
        began |= {one.caller for job in inside for one in job.place.path() if one.above is place}
        for key in place.workflow.jobs:
            if key not in began:
                name = f"{place.prefix}{declared_name(place.workflow, key)}"
                job = self.jobs[f"skipped {name}", ""] = self._begin(name, place, key)
                self.end(job, "skipped")

    def conclusion(self) -> str:
        """Return the run's conclusion from those of its jobs; `skipped` if no job ran."""
        found = {job.conclusion for job in self.jobs.values()}
        return next((result for result in ("failure", "cancelled", "success") if result in found), "skipped")

    def _begin(self, name: str, place: Place, key: str) -> Job:
        """Create a job's row and check run."""
        moment = now()
        name = self.hide(name)[:200]
        check = checks.create(
            self.github,
            self.run["repository"],
            {"name": name, "head_sha": self.run["head_sha"], "status": "in_progress", "started_at": moment},
        )
        url = f"{self._web}/actions/runs/{self.run['id']}/job/{check['id']}"
        checks.update(self.github, self.run["repository"], check["id"], {"details_url": url})
        job = Job(check["id"], name, place, key)
        labels = job.stated.get("runs-on", [])
        self.github.db.insert(
            "jobs",
            id=check["id"],
            run_id=self.run["id"],
            run_attempt=self.run["run_attempt"],
            name=name,
            status="in_progress",
            labels=json.dumps([str(item) for item in labels] if isinstance(labels, list) else [str(labels)]),
            started_at=moment,
        )
        return job

    def _complete_check(self, check: int, name: str, conclusion: str, notes: list[dict[str, Any]]) -> None:
        fields: dict[str, Any] = {"status": "completed", "conclusion": conclusion}
        if notes:
            summary = f"{len(notes)} annotation{'s' if len(notes) > 1 else ''}"
            fields["output"] = {"title": name, "summary": summary, "annotations": notes}
        checks.update(self.github, self.run["repository"], check, fields)

    def _save(self, job: Job, **fields: Any) -> None:
        self.github.db.update("jobs", job.id, steps=json.dumps(job.steps), **fields)

    def _write(self, job: Job, text: str) -> None:
        moment, text = now(), self.hide(text)
        self._log.write("".join(f"{moment} [{job.name}] {line}\n" for line in text.splitlines()))
        with (self.folder / "jobs" / f"{job.id}.txt").open("a") as file:
            file.write("".join(f"{moment} {line}\n" for line in text.splitlines()))

    def _annotate(self, job: Job, line: Line) -> None:
        kind = line.step[0] if line.step else "", line.annotation["level"]
        job.counted[kind] += 1
        if job.counted[kind] <= ANNOTATIONS_A_KIND_AND_STEP:
            shown = {name: self.hide(str(value)) for name, value in line.annotation.items()}
            job.annotations.append(_annotation(shown))

    def _step_name(self, job: Job, line: Line) -> str:
        """Return the name that GitHub shows: the step's `name`, or `Run` and its command's first line."""
        shown = re.sub(r"^\W*(Run |(Success|Failure|Skipped) - )((Main|Pre|Post) )?", "", line.text)
        shown = self.hide(shown).partition("\n")[0][:200]
        if line.step[0].startswith("--"):  # steps that act adds: Set up job, Complete job
            return shown
        for number, step in enumerate(job.stated.get("steps") or (), 1):
            if line.step[0] == str(step.get("id", number)):
                return shown if step.get("name") else f"Run {shown}"
        return shown

    def _named(self, line: Line) -> tuple[Place, str]:
        """Return the place of a job's workflow, and the job's name as GitHub shows it.

        act's name is `workflow/job`, or `caller/workflow/job` with the innermost caller for a job of a called
        workflow.
        """
        root = self._places[0]
        own = workflow_name(root.workflow)
        for place in self._places[1:]:
            start = ".+" if "${{" in place.name else re.escape(place.name)
            name = re.escape(workflow_name(place.workflow))
            found = re.fullmatch(f"(?:{re.escape(own)}/)?({start})/{name}/(.+)", line.job)
            if found and place.above and line.job_id in place.workflow.jobs:
                shown = with_matrix(place.workflow, line, found.group(2))
                return place, f"{place.above.prefix}{found.group(1)} / {shown}"
        return root, with_matrix(root.workflow, line, line.job.removeprefix(f"{own}/"))


def _annotation(command: Mapping[str, str]) -> dict[str, Any]:
    """Convert a workflow command, such as `::error file=…::…`, to an annotation of GitHub's check-run API."""

    def number(name: str) -> int | None:
        text = command.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 10 else None

    line = number("line") or 1
    made: dict[str, Any] = {
        "path": command.get("file") or ".github",
        "start_line": line,
        "end_line": max(line, number("endLine") or line),
        "annotation_level": _LEVELS[command["level"]],
        "message": command["message"].strip() or "(no message)",
    }
    if command.get("title"):
        made["title"] = command["title"]
    if made["start_line"] == made["end_line"] and number("col"):
        made["start_column"] = number("col")
        made["end_column"] = max(number("col") or 1, number("endColumn") or 1)
    return made
