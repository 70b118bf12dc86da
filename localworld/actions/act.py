"""The program act, which runs workflow files on this machine: its command line and its log."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from localworld.actions.prepare import RUNNER
from localworld.actions.workflow_file import InvalidWorkflow, Workflow
from localworld.github.git import Git

ACT = str(Path(sys.executable).with_name("act"))
STUBS = Path(__file__).parent / "stubs"
_NOISE = ("Couldn't get a valid docker connection", "For more information, see: https://nektosact.com")
_USES = re.compile(rb"^\s*(?:-\s+)?uses:\s*['\"]?([^\s'\"#]+)", re.MULTILINE)
_COMMANDS = ("error", "warning", "notice")


@dataclass(frozen=True)
class Line:
    """One line of act's log.

    Attributes:
        job: the job's name in act's form `workflow/job`; empty for lines about no job.
        job_id: the job's key in the workflow file.
        matrix: the job's matrix values.
        text: the message; may have several lines.
        step: the path of the step, by id or number; more than one element inside a composite action.
        starts: whether the step starts with this line.
        chatter: whether this is act's report of its own work, which GitHub's logs do not have.
        output: whether a step printed the line.
        result: the job's result, on the line that ends the job; otherwise empty.
        step_result: the step's result, on the line that ends the step; otherwise empty.
        annotation: `level`, `message` and properties of a workflow command such as `::error::`.
        summary: text that the step added to the job's summary.
    """

    job: str
    text: str
    job_id: str = ""
    matrix: Mapping[str, Any] = field(default_factory=dict)
    step: tuple[str, ...] = ()
    starts: bool = False
    chatter: bool = False
    output: bool = False
    result: str = ""
    step_result: str = ""
    annotation: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""


def command_line(event: str, path: str, folder: Path, actor: str, uses: Iterable[str]) -> list[str]:
    """Return the command that runs a workflow.

    Args:
        event: the name of the event.
        path: the path of the workflow file, relative to the workspace.
        folder: the run's folder, with workspace/, event.json, secrets.yaml, variables.yaml and
            environment.yaml. Secrets are in a file because every process can read command-line arguments.
        actor: the login of the person who caused the event.
        uses: third-party actions, as owner/name@ref; the command maps those with a stub to it.
    """
    command = [ACT, event, "-C", str(folder / "workspace"), "-W", path, "--json", "--actor", actor]
    command += ["-e", str(folder / "event.json"), "--input-file", "/dev/null"]
    for option, name in (("secret", "secrets"), ("var", "variables"), ("env", "environment")):
        command += [f"--{option}-file", str(folder / f"{name}.yaml")]
    command += ["--action-offline-mode", "--no-cache-server", "--action-cache-path", str(folder / "act")]
    # Without this option, act replaces checkout by a copy of the workspace, which has only workflow files.
    command += ["--no-skip-checkout", "-P", f"{RUNNER}=-self-hosted"]
    for action in sorted(set(uses)):
        if stub := _stub(action):
            command += ["--local-repository", f"{action}={stub}"]
    return command


def composite_uses(git: Git, commit: str) -> set[str]:
    """Return the third-party actions that a commit's composite actions use."""
    found: set[str] = set()
    for entry in git.entries(commit, recursive=True):
        if entry.kind == "blob" and entry.path.rpartition("/")[2] in ("action.yml", "action.yaml"):
            found |= {use.decode(errors="replace") for use in _USES.findall(git.blob(entry.sha))}
    return {use for use in found if not use.startswith("./")}


def missing_stubs(uses: Iterable[str]) -> list[str]:
    """Return the third-party actions for which there is no stub."""
    return sorted(action for action in set(uses) if _stub(action) is None)


def _stub(action: str) -> Path | None:
    owner, _, name = action.partition("@")[0].partition("/")
    known = owner == "actions" and "@" in action and (STUBS / name / "action.yml").exists()
    return STUBS / name if known and re.fullmatch(r"[\w-]+", name) else None


def validate(workflow: Workflow, folder: Path, path: str) -> None:
    """Validate a workflow file against act's copy of GitHub's workflow schema.

    Args:
        folder: a temporary folder, which must not exist yet.
        path: the value of PATH for act.

    Raises:
        InvalidWorkflow: the file does not match the schema; the message has the line.
    """
    folder.mkdir()
    file = folder / Path(workflow.path).name
    file.write_bytes(workflow.text)
    environment = {"PATH": path, "HOME": str(folder)}
    done = subprocess.run(
        [ACT, "--validate", "-C", str(folder), "-W", file.name],
        cwd=folder,
        env=environment,
        capture_output=True,
    )
    if done.returncode:
        output = done.stderr.decode(errors="replace")
        lines = [line for line in output.splitlines() if line.startswith(("Line:", "Error:"))]
        # act prints consequences first and the cause last.
        text = "; ".join(line.rpartition("Failed to match ")[2].strip() for line in lines) or output.strip()
        raise InvalidWorkflow(f"{workflow.path} is not a valid workflow: {text.removeprefix('Error: ')}")


def read_log(stream: IO[bytes]) -> Iterator[Line]:
    """Parse act's JSON log line by line until the stream ends."""
    for raw in stream:
        try:
            entry = json.loads(raw)
        except ValueError:
            entry = {"msg": raw.decode(errors="replace").rstrip()}
        if not isinstance(entry, dict):
            entry = {"msg": str(entry)}
        if not any(noise in str(entry.get("msg", "")) for noise in _NOISE):
            yield _line(entry)


def _line(entry: Mapping[str, Any]) -> Line:
    text = str(entry.get("msg", "")).rstrip("\n")
    main = entry.get("stage", "Main") == "Main"  # the stubs have no pre or post steps
    annotation = {}
    if entry.get("command") in _COMMANDS:
        annotation = {
            "level": entry["command"],
            "message": str(entry.get("arg", text)),
            **(entry.get("kvPairs") or {}),
        }
    return Line(
        job=str(entry.get("job", "")).rstrip(),
        job_id=str(entry.get("jobID", "")),
        matrix=entry.get("matrix") or {},
        text=text,
        step=tuple(map(str, entry.get("stepID") or entry.get("stepid") or ())),
        starts=main and text.startswith("⭐ Run "),
        chatter=not entry.get("raw_output") and entry.get("level") == "info" and bool(entry.get("job")),
        output=bool(entry.get("raw_output")),
        result=str(entry.get("jobResult", "")),
        step_result=str(entry.get("stepResult", "")) if main else "",
        annotation=annotation,
        summary=str(entry.get("content", "")) if entry.get("command") == "summary" else "",
    )
