"""act, which runs a workflow file on this machine: its command line, and what it says."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bot.local.actions.workflow_file import Workflow

LABELS = ("ubuntu-latest", "ubuntu-24.04", "self-hosted", "gpu")
"""Runner labels that this machine answers to; a job that asks for another fails."""

STUBS = Path(__file__).parent / "stubs"


@dataclass(frozen=True)
class Line:
    """One line of act's log.

    Attributes:
        job: the job's name as act shows it, without the workflow's; empty for act's own lines.
        text: what was said.
        output: whether a step printed it.
        result: the job's result, on the line that ends it.
        annotation: `error`, `warning` or `notice` with its properties, where the step said one.
    """

    job: str
    text: str
    output: bool = False
    result: str = ""
    step: str = ""
    step_result: str = ""
    annotation: Mapping[str, Any] = field(default_factory=dict)


def command_line(
    event: str,
    workflow: Workflow,
    folder: Path,
    environment: Mapping[str, str],
    variables: Mapping[str, str],
    actor: str,
) -> list[str]:
    """The command that runs a workflow; secrets go by a file, never by the command line."""
    command = ["act", event, "-W", workflow.path, "-e", str(folder / "event.json"), "--json"]
    command += ["--action-offline-mode", "--no-cache-server", "--action-cache-path", str(folder / "act")]
    command += [
        "--secret-file",
        str(folder / "secrets"),
        "--env-file",
        "",
        "--var-file",
        "",
        "--actor",
        actor,
    ]
    for label in LABELS:
        command += ["-P", f"{label}=-self-hosted"]
    for name, value in environment.items():
        command += ["--env", f"{name}={value}"]
    for name, value in variables.items():
        command += ["--var", f"{name}={value}"]
    return command


def stub_options(actions: Sequence[str]) -> list[str]:
    """Map third-party actions to the stubs here.

    Raises:
        LookupError: an action has no stub; the message names it.
    """
    options = []
    for action in sorted(actions):
        repository, _, ref = action.partition("@")
        stub = STUBS / repository.partition("/")[2]
        if not repository.startswith("actions/") or not (stub / "action.yml").exists():
            raise LookupError(f"the action {action} has no stand-in here")
        options += ["--local-repository", f"{repository}@{ref}={stub}"]
    return options


def read_log(stream: IO[bytes]) -> Iterator[Line]:
    """What act says, line by line, until it ends."""
    for raw in stream:
        try:
            said = json.loads(raw)
        except ValueError:
            yield Line("", raw.decode(errors="replace").rstrip())
            continue
        job = str(said.get("job", "")).partition("/")[2].strip()
        text = str(said.get("msg", "")).rstrip("\n")
        annotation = {}
        if said.get("command") in ("error", "warning", "notice"):
            kvs = said.get("kvPairs") or {}
            annotation = {"level": said["command"], "message": said.get("arg", text), **kvs}
        yield Line(
            job,
            text,
            output=bool(said.get("raw_output")),
            result=str(said.get("jobResult", "")),
            step=str(said.get("step", "")),
            step_result=str(said.get("stepResult", "")) if len(said.get("stepID", ["x", "y"])) == 1 else "",
            annotation=annotation,
        )


def unmapped(workflow: Workflow) -> list[str]:
    """Labels of `runs-on` that no runner here answers to; act would skip such a job without a word."""
    named: set[str] = set()
    for job in workflow.jobs.values():
        label = job.get("runs-on", [])
        named |= {str(item) for item in label} if isinstance(label, list) else {str(label)}
    return sorted(label for label in named if label not in LABELS and not re.search(r"\$\{\{", label))
