"""The copy of a workflow file that act is given: each job begins with a step that asks to be let in.

act knows nothing of concurrency groups, timeouts and token permissions. The first step of each job tells the
dispatcher what the job states of those, with its expressions evaluated, and waits for its answer.
"""

import hashlib
import json
import re
import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from bot.local.actions.workflow_file import FOLDER, InvalidWorkflow, Workflow

GATE = "Wait for the dispatcher"
"""The name of the step that is put first."""
RUNNER = "self-hosted"
"""The label that jobs have in the copy; whether their own is served here, the dispatcher decides."""
_SCRIPT = Path(__file__).with_name("gate.py")
_WHOLE = re.compile(r"\s*\$\{\{(.*)\}\}\s*", re.DOTALL)


@dataclass(frozen=True)
class Gate:
    """What the dispatcher knows of the jobs behind a gate.

    Attributes:
        workflow: the file that holds the job.
        job: its id in that file.
        refusal: why it cannot run here; empty if it can.
        outer: how many of its concurrency groups, the first ones, are those of the whole called file.
    """

    workflow: Workflow
    job: str
    refusal: str = ""
    outer: int = 0


def place(reference: str) -> str:
    """Where the copy of a workflow lies in the workspace; another repository's in a folder of its own."""
    path, _, commit = reference.partition("@")
    if not commit:
        return path
    return f"{FOLDER}/{hashlib.sha256(reference.encode()).hexdigest()[:12]}/{PurePosixPath(path).name}"


def prepare(workflow: Workflow, missing: Iterable[str], *, called: bool) -> tuple[bytes, dict[str, Gate]]:
    """The copy of a workflow with its gates.

    Args:
        missing: third-party actions that cannot be had; a job that uses one fails and says so.
        called: whether another workflow calls this one; then its own concurrency counts for its jobs.

    Returns:
        The file, and the gates by the key that each gate's step shows.
    """
    calls = workflow.calls()
    root = yaml.compose(workflow.text, Loader=yaml.CSafeLoader)
    jobs = _get(root, "jobs")
    outer = _concurrency(_get(root, "concurrency")) if called else []
    gates: dict[str, Gate] = {}
    for name, node in jobs.value if isinstance(jobs, yaml.MappingNode) else []:
        job = str(name.value)
        if job in calls:
            _set(node, "uses", _node(f"./{place(calls[job])}"))
            continue
        refusal = _refusal(workflow, job, missing)
        key = secrets.token_hex(8)
        gates[key] = Gate(workflow, job, refusal, len(outer))
        step = _gate_step(key, node, [*outer, *_concurrency(_get(node, "concurrency"))])
        steps = _get(node, "steps")
        kept = steps.value if isinstance(steps, yaml.SequenceNode) and not refusal else []
        _set(node, "runs-on", _node(RUNNER))
        _set(node, "steps", yaml.SequenceNode("tag:yaml.org,2002:seq", [step, *kept]))
        node.value = [pair for pair in node.value if pair[0].value not in ("container", "services")]
    return yaml.serialize(root, Dumper=yaml.CSafeDumper, encoding="utf-8", allow_unicode=True), gates


def _refusal(workflow: Workflow, job: str, missing: Iterable[str]) -> str:
    absent = sorted(workflow.uses(job) & set(missing))
    if absent:
        return f"the action {absent[0]} has no stand-in in the local world"
    docker = [name for name in ("container", "services") if name in workflow.jobs[job]]
    return f"{docker[0]} needs Docker, which the local world does without" if docker else ""


def _gate_step(key: str, job: yaml.MappingNode, groups: list[tuple[str, str]]) -> yaml.Node:
    timeout = _get(job, "timeout-minutes")
    stated = {
        "GATE_KEY": key,
        "GATE_LABELS": _labels(_get(job, "runs-on")),
        "GATE_TIMEOUT": str(timeout.value) if timeout is not None else "",
    }
    for number, (group, cancels) in enumerate(groups):
        stated |= {f"GATE_GROUP_{number}": group, f"GATE_CANCELS_{number}": cancels}
    step: yaml.Node = _node(
        {
            "name": GATE,
            "shell": "bash",
            "working-directory": "${{ github.workspace }}",
            "env": stated,
            "run": f'"{sys.executable}" -I -S "{_SCRIPT}"',
        }
    )
    return step


def _labels(node: yaml.Node | None) -> str:
    """`runs-on` as an expression whose value is JSON."""
    if isinstance(node, yaml.MappingNode):
        node = _get(node, "labels")
    if isinstance(node, yaml.SequenceNode):
        return json.dumps([str(item.value) for item in node.value])
    text = str(node.value) if node is not None else ""
    whole = _WHOLE.fullmatch(text)
    return f"${{{{ toJSON({whole.group(1)}) }}}}" if whole else json.dumps(text)


def _concurrency(node: yaml.Node | None) -> list[tuple[str, str]]:
    """The group and whether it cancels, both perhaps with expressions; nothing where none is stated."""
    if isinstance(node, yaml.MappingNode):
        group, cancels = _get(node, "group"), _get(node, "cancel-in-progress")
        if group is None:
            raise InvalidWorkflow("concurrency has no group")
        return [(str(group.value), str(cancels.value) if cancels is not None else "false")]
    return [(str(node.value), "false")] if node is not None and node.value else []


def _get(node: yaml.Node | None, name: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _set(node: yaml.MappingNode, name: str, value: yaml.Node) -> None:
    kept = [pair for pair in node.value if pair[0].value != name]
    node.value = [*kept, (_node(name), value)]


def _node(value: str | Mapping[str, Any]) -> Any:
    # JSON is YAML, and quotes every string.
    return yaml.compose(json.dumps(value), Loader=yaml.CSafeLoader)
