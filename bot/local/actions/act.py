"""act, which runs a workflow file on this machine: its command line, and what it says."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bot.local.actions.prepare import RUNNER
from bot.local.actions.workflow_file import InvalidWorkflow, Workflow

ACT = str(Path(sys.executable).with_name("act"))
STUBS = Path(__file__).parent / "stubs"
_NOISE = ("Couldn't get a valid docker connection", "For more information, see: https://nektosact.com")
_COMMANDS = ("error", "warning", "notice")


@dataclass(frozen=True)
class Line:
    """One line of act's log.

    Attributes:
        job: the job's name as act shows it, after its workflow's; empty for act's own lines.
        job_id: its key in the workflow file.
        matrix: its values of the matrix.
        text: what was said; may hold several lines.
        step: the steps that lead to it, by id or number; more than one within a composite action.
        starts: whether the step begins here.
        chatter: whether act tells here what it does itself, which is in no log of GitHub's.
        result: the job's result, on the line that ends it.
        step_result: likewise for a step.
        annotation: `level`, `message` and properties, where a step said `::error::` and the like.
        summary: what a step added to its job's summary.
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
    """The command that runs a workflow.

    Args:
        path: the workflow file, below the workspace.
        folder: holds workspace, event.json, and secrets, variables and environment as .yaml files: what an
            argument says, every process of the machine can read.
        uses: the third-party actions; those with a stub are mapped to it.
    """
    command = [ACT, event, "-C", str(folder / "workspace"), "-W", path, "--json", "--actor", actor]
    command += ["-e", str(folder / "event.json"), "--input-file", "/dev/null"]
    for option, name in (("secret", "secrets"), ("var", "variables"), ("env", "environment")):
        command += [f"--{option}-file", str(folder / f"{name}.yaml")]
    command += ["--action-offline-mode", "--no-cache-server", "--action-cache-path", str(folder / "act")]
    # Without it a checkout is a copy of the workspace, which holds no files here but the workflows.
    command += ["--no-skip-checkout", "-P", f"{RUNNER}=-self-hosted"]
    for action in sorted(set(uses)):
        if stub := _stub(action):
            command += ["--local-repository", f"{action}={stub}"]
    return command


def missing_stubs(uses: Iterable[str]) -> list[str]:
    """The third-party actions that nothing stands in for."""
    return sorted(action for action in set(uses) if _stub(action) is None)


def _stub(action: str) -> Path | None:
    owner, _, name = action.partition("@")[0].partition("/")
    known = owner == "actions" and "@" in action and (STUBS / name / "action.yml").exists()
    return STUBS / name if known and re.fullmatch(r"[\w-]+", name) else None


def validate(workflow: Workflow, folder: Path, path: str) -> None:
    """Check a workflow file against GitHub's schema of workflows, as act has it.

    Args:
        folder: an empty folder to work in.

    Raises:
        InvalidWorkflow: it does not fit; the message says where.
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
        said = done.stderr.decode(errors="replace")
        lines = [line for line in said.splitlines() if line.startswith(("Line:", "Error:"))]
        # The innermost reason comes last; the lines before it are its consequences.
        text = "; ".join(line.rpartition("Failed to match ")[2].strip() for line in lines) or said.strip()
        raise InvalidWorkflow(f"{workflow.path} is no valid workflow: {text.removeprefix('Error: ')}")


def read_log(stream: IO[bytes]) -> Iterator[Line]:
    """What act says, line by line, until it ends."""
    for raw in stream:
        try:
            said = json.loads(raw)
        except ValueError:
            said = {"msg": raw.decode(errors="replace").rstrip()}
        if not isinstance(said, dict):
            said = {"msg": str(said)}
        if not any(noise in str(said.get("msg", "")) for noise in _NOISE):
            yield _line(said)


def _line(said: Mapping[str, Any]) -> Line:
    text = str(said.get("msg", "")).rstrip("\n")
    main = said.get("stage", "Main") == "Main"  # the stubs have no steps before or after
    annotation = {}
    if said.get("command") in _COMMANDS:
        annotation = {
            "level": said["command"],
            "message": str(said.get("arg", text)),
            **(said.get("kvPairs") or {}),
        }
    return Line(
        job=str(said.get("job", "")).rstrip(),
        job_id=str(said.get("jobID", "")),
        matrix=said.get("matrix") or {},
        text=text,
        step=tuple(map(str, said.get("stepID") or said.get("stepid") or ())),
        starts=main and text.startswith("⭐ Run "),
        chatter=not said.get("raw_output") and said.get("level") == "info" and bool(said.get("job")),
        output=bool(said.get("raw_output")),
        result=str(said.get("jobResult", "")),
        step_result=str(said.get("stepResult", "")) if main else "",
        annotation=annotation,
        summary=str(said.get("content", "")) if said.get("command") == "summary" else "",
    )
