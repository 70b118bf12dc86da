"""Workflow files for act: copies in which each job has a gate as its first step.

act does not support concurrency groups, timeouts, token permissions and environments. Therefore the gate
(gate.py) sends these settings of its job, in which act has evaluated the expressions, to the dispatcher and
waits for the answer. If the job has an environment, the answer has the environment's secrets and variables.
They become outputs of the gate, which other jobs cannot read, and in the job's expressions they have
precedence over the repository's.
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

from localworld.actions.workflow_file import FOLDER, InvalidWorkflow, Workflow

GATE = "Wait for the dispatcher"
"""The name of the gate's step."""
RUNNER = "self-hosted"
"""The label of all jobs in the copy; the dispatcher checks their original labels."""
_SCRIPT = Path(__file__).with_name("gate.py")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_WORKFLOW = re.compile(r"\bgithub\.workflow\b")
_WHOLE = re.compile(r"\s*\$\{\{(.*)\}\}\s*", re.DOTALL)
_READ = re.compile(
    r"(?<![\w.-])(?P<context>secrets|vars)\s*(?:\.\s*(?P<dotted>[A-Za-z_]\w*)|\[\s*'(?P<quoted>\w+)'\s*\])"
    r"|'(?:[^']|'')*'"
)
"""A secret or variable that an expression names, or a string literal, which is skipped."""
_ALL = re.compile(r"(?<![\w.-])(?:secrets|vars)(?!\w)")


@dataclass(frozen=True)
class Gate:
    """The dispatcher's data about the jobs behind a gate; a matrix has several jobs with one gate.

    Attributes:
        workflow: the workflow file of the job.
        job: the job's id in that file.
        refusal: why the local world cannot run the job; empty if it can.
        outer: how many of the job's concurrency groups, from the first, belong to the called workflow as a
            whole.
    """

    workflow: Workflow
    job: str
    refusal: str = ""
    outer: int = 0


def place(reference: str) -> str:
    """Return the path of a workflow's copy in the workspace; other repositories' files get own folders."""
    path, _, commit = reference.partition("@")
    if not commit:
        return path
    return f"{FOLDER}/{hashlib.sha256(reference.encode()).hexdigest()[:12]}/{PurePosixPath(path).name}"


def prepare(workflow: Workflow, missing: Iterable[str], *, caller: str = "") -> tuple[bytes, dict[str, Gate]]:
    """Create the copy of a workflow with its gates.

    Args:
        missing: third-party actions without a stub; a job that uses one fails with a message.
        caller: the name of the run's workflow if this workflow is a called one. Then the concurrency group of
            this workflow applies to its jobs, and `github.workflow` is the caller's name, as on GitHub.

    Returns:
        The content of the copy, and its gates by the key that each gate's step sends.

    Raises:
        InvalidWorkflow: `concurrency` has no group.
    """
    calls = workflow.calls()
    root = yaml.compose(workflow.text, Loader=yaml.CSafeLoader)
    jobs = _get(root, "jobs")
    outer = _concurrency(_get(root, "concurrency"), caller) if caller else []
    gates: dict[str, Gate] = {}
    for name, node in jobs.value if isinstance(jobs, yaml.MappingNode) else []:
        job = str(name.value)
        if job in calls:
            _set(node, "uses", _node(f"./{place(calls[job])}"))
            continue
        refusal = _refusal(workflow, job, missing)
        key = secrets.token_hex(8)
        gates[key] = Gate(workflow, job, refusal, len(outer))
        step = _gate_step(key, node, [*outer, *_concurrency(_get(node, "concurrency"), caller)])
        steps = _get(node, "steps")
        kept = steps.value if isinstance(steps, yaml.SequenceNode) and not refusal else []
        _set(node, "runs-on", _node(RUNNER))
        _set(node, "steps", yaml.SequenceNode("tag:yaml.org,2002:seq", [step, *map(_guarded, kept)]))
        if _get(node, "environment") is not None:
            _spread(node, kept)
            for part in ("steps", "outputs"):
                _scope(_get(node, part))
        node.value = [pair for pair in node.value if pair[0].value not in ("container", "services")]
    return yaml.serialize(root, Dumper=yaml.CSafeDumper, encoding="utf-8", allow_unicode=True), gates


def _refusal(workflow: Workflow, job: str, missing: Iterable[str]) -> str:
    """Return why the local world cannot run a job, or ""."""
    absent = sorted(workflow.uses(job) & set(missing))
    if absent:
        return f"the local world has no stub for the action {absent[0]}; see localworld/actions/stubs"
    if "environment" in workflow.jobs[job] and _reads_unnamed(workflow.jobs[job]):
        return (
            "in the local world, a job of an environment must name each secret and variable that it reads, "
            "as secrets.NAME or vars.NAME"
        )
    docker = [name for name in ("container", "services") if name in workflow.jobs[job]]
    return f"{docker[0]} needs Docker, which the local world does not support" if docker else ""


def _reads_unnamed(content: Any) -> bool:
    """Return whether an expression reads all secrets or variables, or one with a computed name."""
    if isinstance(content, dict | list):
        return any(map(_reads_unnamed, content.values() if isinstance(content, dict) else content))
    expressions = _EXPRESSION.findall(str(content))
    return any(_ALL.search(_READ.sub("''", expression)) for expression in expressions)


def _gate_step(key: str, job: yaml.MappingNode, groups: list[tuple[str, str]]) -> yaml.Node:
    """Return the gate's step, whose environment variables are the input of gate.py."""
    timeout = _get(job, "timeout-minutes")
    variables = {
        "GATE_KEY": key,
        "GATE_LABELS": _labels(_get(job, "runs-on")),
        "GATE_TIMEOUT": str(timeout.value) if timeout is not None else "",
        "GATE_ENVIRONMENT": _environment(_get(job, "environment")),
    }
    for number, (group, cancels) in enumerate(groups):
        variables |= {f"GATE_GROUP_{number}": group, f"GATE_CANCELS_{number}": cancels}
    step: yaml.Node = _node(
        {
            "name": GATE,
            "shell": "bash",
            "working-directory": "${{ github.workspace }}",
            "env": variables,
            "run": f'"{sys.executable}" -I -S "{_SCRIPT}"',
        }
    )
    return step


def _environment(node: yaml.Node | None) -> str:
    """Return the name of a job's environment, possibly with expressions; "" if it has none."""
    if isinstance(node, yaml.MappingNode):
        node = _get(node, "name")
    return str(node.value) if node is not None else ""


def _guarded(step: yaml.Node) -> yaml.Node:
    """Extend a step's `if` so that the step is skipped if the gate refused the job, even with `always()`."""
    own = _get(step, "if")
    if isinstance(step, yaml.MappingNode) and own is not None and str(own.value).strip():
        whole = _WHOLE.fullmatch(str(own.value))
        condition = whole.group(1) if whole else str(own.value)
        if "${{" not in condition:
            _set(step, "if", _node(f"${{{{ steps['0'].outcome == 'success' && ({condition}) }}}}"))
    return step


def _spread(job: yaml.MappingNode, steps: Iterable[yaml.Node]) -> None:
    """Move variables with secrets from the job's `env` to its steps, which can read the gate's outputs."""
    env = _get(job, "env")
    if not isinstance(env, yaml.MappingNode):
        return
    moved = [pair for pair in env.value if _ALL.search(str(pair[1].value))]
    env.value = [pair for pair in env.value if pair not in moved]
    for step in steps:
        own = _get(step, "env")
        known = {name.value for name, _ in own.value} if isinstance(own, yaml.MappingNode) else set()
        lent = [(name, _node(str(value.value))) for name, value in moved if name.value not in known]
        if isinstance(step, yaml.MappingNode) and (own is None or isinstance(own, yaml.MappingNode)):
            pairs = [*lent, *(own.value if own is not None else ())]
            _set(step, "env", yaml.MappingNode("tag:yaml.org,2002:map", pairs))


def _scope(node: yaml.Node | None) -> None:
    """Rewrite the expressions below a node to read secrets and variables from the gate's outputs first."""
    if isinstance(node, yaml.ScalarNode):
        node.value = _EXPRESSION.sub(lambda found: _READ.sub(_first, found.group()), node.value)
    elif isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        for item in node.value:
            for part in item[1:] if isinstance(item, tuple) else (item,):
                _scope(part)


def _first(found: re.Match[str]) -> str:
    context, name = found.group("context"), found.group("dotted") or found.group("quoted")
    if not context:
        return found.group()
    return f"(steps['0'].outputs['{context}-{name.upper()}'] || {context}.{name})"


def _labels(node: yaml.Node | None) -> str:
    """Return `runs-on` as JSON, or as an expression that evaluates to JSON."""
    if isinstance(node, yaml.MappingNode):
        node = _get(node, "labels")
    if isinstance(node, yaml.SequenceNode):
        return json.dumps([str(item.value) for item in node.value])
    text = str(node.value) if node is not None else ""
    whole = _WHOLE.fullmatch(text)
    return f"${{{{ toJSON({whole.group(1)}) }}}}" if whole else json.dumps(text)


def _concurrency(node: yaml.Node | None, caller: str) -> list[tuple[str, str]]:
    """Return [(group, cancel-in-progress)], both possibly with expressions; [] without a group."""
    if isinstance(node, yaml.MappingNode):
        group, cancels = _get(node, "group"), _get(node, "cancel-in-progress")
        if group is None:
            raise InvalidWorkflow("concurrency has no group; add concurrency.group")
        texts = str(group.value), str(cancels.value) if cancels is not None else "false"
    elif node is not None and node.value:
        texts = str(node.value), "false"
    else:
        return []
    return [(_as_called(texts[0], caller), _as_called(texts[1], caller))]


def _as_called(text: str, caller: str) -> str:
    """Replace `github.workflow` in a text's expressions by the caller's name; act uses the called one's."""
    if not caller:
        return text
    quoted = "'" + caller.replace("'", "''") + "'"
    return _EXPRESSION.sub(lambda found: _WORKFLOW.sub(lambda _: quoted, found.group()), text)


def _get(node: yaml.Node | None, name: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _set(node: yaml.MappingNode, name: str, value: yaml.Node) -> None:
    kept = [pair for pair in node.value if pair[0].value != name]
    node.value = [*kept, (_node(name), value)]


def _node(value: str | Mapping[str, Any]) -> Any:
    # JSON is a subset of YAML in which all strings are quoted.
    return yaml.compose(json.dumps(value), Loader=yaml.CSafeLoader)
