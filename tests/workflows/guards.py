"""What must hold of the workflow files beyond what zizmor and actionlint look for, as rules that are named.

A job is privileged when its token may write anything, when it sees a secret, or when it runs on a machine of
the lab's own. Each rule takes all files, since what one file may do depends on who calls it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

Files = Mapping[str, dict[str, Any]]
Job = dict[str, Any]

BASE = "${{ github.event.pull_request.base.sha || github.event.merge_group.base_sha }}"
HEAD = "${{ github.event.pull_request.head.sha || github.event.merge_group.head_sha }}"
MAIN = "${{ github.event.repository.default_branch }}"
BOT = {
    "path": ".bot",
    "repository": "${{ inputs.arborist || github.repository }}",
    "persist-credentials": "false",
}
"""How the bot is checked out: this repository's own, or where another calls, what its call is pinned to."""
INPUTS = {"arborist", "commit"}
UNPRIVILEGED = {"contents": "read"}
TEACHING = {"DOCUMENTS_TOKEN", "OPENAI_API_KEY"}
"""Secrets of the jobs that generate, which are those on the GPU runner."""
SECRETS = {"ARBORIST_SIGNING_KEY", "HF_TOKEN", *TEACHING}
TRIGGERS = {
    "lint.yml": {"pull_request", "merge_group", "workflow_call"},
    "report.yml": {"workflow_run", "workflow_call"},
    "commands.yml": {"issue_comment", "workflow_call"},
    "sample.yml": {"workflow_call", "workflow_dispatch"},
    "retrain.yml": {"push", "schedule", "workflow_dispatch", "workflow_call"},
    "reap.yml": {"schedule", "workflow_dispatch", "workflow_call"},
}


def problems(texts: Mapping[str, str]) -> list[str]:
    """What is wrong with workflow files, given by their names."""
    files = {name: yaml.load(text, Loader=yaml.BaseLoader) for name, text in texts.items()}
    return [f"{rule.__name__}: {found}" for rule in RULES for found in rule(files)]


def jobs(files: Files) -> Iterator[tuple[str, str, Job]]:
    for file, data in files.items():
        for name, job in data["jobs"].items():
            yield file, f"{file}/{name}", job


def steps(job: Job) -> list[dict[str, Any]]:
    return list(job.get("steps") or [])


def checkouts(job: Job) -> Iterator[dict[str, Any]]:
    """What the checkouts of a job are given, but for the bot's."""
    for step in steps(job):
        given = step.get("with") or {}
        if "checkout" in step.get("uses", "") and given.get("path") != BOT["path"]:
            yield given


def secrets_of(job: Job) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", str({**job, "secrets": ""}))) | set(job.get("secrets") or {})


def own_machine(job: Job) -> bool:
    return "self-hosted" in str(job.get("runs-on", "")) or "gpu" in str(job.get("runs-on", ""))


def privileged(job: Job) -> bool:
    granted = job.get("permissions")
    writes = not isinstance(granted, dict) or any(level != "read" for level in granted.values())
    return writes or bool(secrets_of(job)) or own_machine(job)


def workflows_start_by_what_they_are_for(files: Files) -> Iterator[str]:
    for name, data in files.items():
        started = data.get("on")
        triggers = set(started if isinstance(started, dict | list) else [started])
        if triggers != TRIGGERS.get(name):
            yield f"{name} starts by {sorted(map(str, triggers))}"
    if files["retrain.yml"]["on"]["push"].get("branches") != ["main"]:
        yield "retrain.yml starts by pushes to other branches"
    if files["commands.yml"]["on"]["issue_comment"] != {"types": ["created"]}:
        yield "commands.yml starts by comments that were changed"
    if files["report.yml"]["on"]["workflow_run"] != {"workflows": ["lint"], "types": ["completed"]}:
        yield "report.yml starts by other workflows"


def nothing_is_permitted_that_a_job_does_not_state(files: Files) -> Iterator[str]:
    for name, data in files.items():
        if data.get("permissions") != {}:
            yield f"{name} permits something to all its jobs"
        if "env" in data or "defaults" in data:
            yield f"{name} sets something for all its jobs"
    for _, name, job in jobs(files):
        if not isinstance(job.get("permissions"), dict):
            yield f"{name} does not state its permissions"
        elif job["permissions"].get("contents", "read") != "read":
            yield f"{name} may write contents"


def the_proposal_is_seen_only_without_rights_and_only_as_data(files: Files) -> Iterator[str]:
    for file, name, job in jobs(files):
        refs = [given.get("ref", "") for given in checkouts(job)]
        for ref in refs:
            if ref not in ((BASE, HEAD) if file == "lint.yml" else (MAIN,)):
                yield f"{name} checks out {ref or 'whatever the event says'}"
        if HEAD in refs and (privileged(job) or job["permissions"] != UNPRIVILEGED):
            yield f"{name} sees the proposal and has rights"
        for given in checkouts(job):
            if given.get("path") != ("proposal" if given.get("ref") == HEAD else None):
                yield f"{name} lays one checkout over another"
            if given.get("persist-credentials") != "false":
                yield f"{name} leaves its token where a checkout lies"
            if "repository" in given:
                yield f"{name} checks out another repository"
        for step in steps(job):
            if "proposal" in str(step.get("working-directory", "")) + str(step.get("uses", "")):
                yield f"{name} works in the proposal"
            script = re.sub(r"--repository proposal\b", "", step.get("run", ""))
            if "proposal" in script:
                yield f"{name} runs {script!r}"


def the_bot_is_this_repositorys_or_the_one_that_a_call_is_pinned_to(files: Files) -> Iterator[str]:
    for file, name, job in jobs(files):
        if "uses" in job:
            continue
        own = BASE if file == "lint.yml" else MAIN
        wanted = {**BOT, "ref": own.replace("{{ ", "{{ inputs.commit || ")}
        done = [(step.get("uses", ""), step.get("with")) for step in steps(job)]
        places = [place for place, (uses, _) in enumerate(done) if uses == "./.bot/.github/actions/setup"]
        if len(places) != 1 or done[places[0] - 1][1] != wanted:
            yield f"{name} sets up another bot"
    for file, data in files.items():
        call = data["on"].get("workflow_call") or {} if isinstance(data["on"], dict) else {}
        stated = {name: given.get("type") for name, given in (call.get("inputs") or {}).items()}
        if not stated.keys() >= INPUTS or set(stated.values()) != {"string"}:
            yield f"{file} cannot be told which bot"
        if file != "sample.yml" and stated.keys() != INPUTS:
            yield f"{file} can be told more than which bot"


def scripts_hold_no_expressions_and_start_arborist_only(files: Files) -> Iterator[str]:
    for _, name, job in jobs(files):
        for step in steps(job):
            script = step.get("run")
            if script is None:
                continue
            if "${{" in script:
                yield f"{name} writes an expression into a script"
            if not re.fullmatch(
                r"arborist [a-z]+[^;&|`$()<>\n]*(?:\"\$[A-Z]+\"[^;&|`$()<>\n]*)*", script.strip()
            ):
                yield f"{name} runs {script.strip()[:60]!r}"
            if "shell" in step:
                yield f"{name} chooses a shell"


def actions_are_pinned(files: Files) -> Iterator[str]:
    known = (
        r"actions/(checkout|upload-artifact|download-artifact)@[0-9a-f]{40}|\./\.bot/\.github/actions/setup"
    )
    for _, name, job in jobs(files):
        for use in [step["uses"] for step in steps(job) if "uses" in step]:
            if not re.fullmatch(known, use):
                yield f"{name} uses {use}"
        if "uses" in job and not re.fullmatch(r"\./\.github/workflows/[a-z]+\.yml", job["uses"]):
            yield f"{name} calls {job['uses']}"
        if "container" in job or "services" in job:
            yield f"{name} runs in a container"


def a_machine_of_the_labs_own_is_reached_by_maintainers_only(files: Files) -> Iterator[str]:
    own = {file for file, _, job in jobs(files) if own_machine(job)}
    if own != {"sample.yml", "retrain.yml"}:
        yield f"{sorted(own)} run on machines of the lab's own"
    for file, name, job in jobs(files):
        called = job.get("uses", "").rpartition("/")[2]
        if called in own and (
            file != "commands.yml"
            or job.get("needs") != "command"
            or job.get("if") != "needs.command.outputs.sha != ''"
        ):
            yield f"{name} calls {called} without a maintainer's command"
    gate = files["commands.yml"]["jobs"]["command"]
    if [step.get("run") for step in steps(gate)][-1] != "arborist command" or own_machine(gate):
        yield "commands.yml does not ask who gave the command"
    if gate["outputs"] != {
        name: f"${{{{ steps.command.outputs.{name} }}}}" for name in ("command", "arguments", "pull", "sha")
    }:
        yield "commands.yml hands over what arborist did not decide"


def work_is_bound_to_the_commit_that_was_seen(files: Files) -> Iterator[str]:
    given = files["commands.yml"]["jobs"]["sample"]["with"]
    for name, value in given.items():
        if value != (
            f"${{{{ inputs.{name} }}}}" if name in INPUTS else f"${{{{ needs.command.outputs.{name} }}}}"
        ):
            yield f"commands.yml hands {name} over as {value}"
    (step,) = [step for step in steps(files["sample.yml"]["jobs"]["sample"]) if "run" in step]
    if '--sha "$SHA"' not in step["run"] or step["env"].get("SHA") != "${{ inputs.sha }}":
        yield "sample.yml does not say which commit"
    if step["env"].get("PULL") != "${{ inputs.pull }}":
        yield "sample.yml does not say which pull request"


def an_artifact_is_checked_before_anything_else(files: Files) -> Iterator[str]:
    for file, name, job in jobs(files):
        listed = steps(job)
        for place, step in enumerate(listed):
            if "download-artifact" in step.get("uses", ""):
                after = [later.get("run") or later.get("uses") for later in listed[place + 1 :]]
                if file != "report.yml" or after != ["arborist report report"]:
                    yield f"{name} goes on with an artifact by {after}"
                if step["with"].get("path") != "report":
                    yield f"{name} unpacks an artifact over its own files"
    condition = files["report.yml"]["jobs"]["report"].get("if", "")
    if not condition.startswith("github.event.workflow_run.event == 'pull_request' && "):
        yield "report.yml follows runs that no pull request started"


def secrets_are_where_they_are_needed(files: Files) -> Iterator[str]:
    for file, name, job in jobs(files):
        found = secrets_of(job)
        if job.get("secrets") == "inherit" or not found <= SECRETS:
            yield f"{name} sees the secrets {sorted(found)}"
        if "HF_TOKEN" in found and (file != "retrain.yml" or job.get("environment") != "release"):
            yield f"{name} may push to the Hub"
        generates = own_machine(job) or "sample.yml" in str(job.get("uses", ""))
        if found & TEACHING and not generates:
            yield f"{name} sees what only who generates needs"
        if "id-token" in (job.get("permissions") or {}) and file != "retrain.yml":
            yield f"{name} may speak for this repository"
        if file == "lint.yml" and ("github.token" in str(job) or found):
            yield f"{name} hands its token to who reads the proposal"


def nothing_hangs_and_no_release_is_cancelled(files: Files) -> Iterator[str]:
    for _, name, job in jobs(files):
        if "uses" not in job and not str(job.get("timeout-minutes", "")).isdigit():
            yield f"{name} has no timeout"
        if any("continue-on-error" in part for part in (job, *steps(job))):
            yield f"{name} goes on after a mistake"
    for name, data in files.items():
        if "concurrency" not in data:
            yield f"{name} may run beside itself"
    if files["retrain.yml"].get("concurrency") != {"group": "retrain", "cancel-in-progress": "false"}:
        yield "a release may be cancelled"
    lint = files["lint.yml"].get("concurrency") or {}
    if lint.get("cancel-in-progress") != "true" or "pull_request.number" not in lint.get("group", ""):
        yield "a superseded lint is not cancelled, or another's is"


RULES: list[Callable[[Files], Iterator[str]]] = [
    workflows_start_by_what_they_are_for,
    nothing_is_permitted_that_a_job_does_not_state,
    the_proposal_is_seen_only_without_rights_and_only_as_data,
    the_bot_is_this_repositorys_or_the_one_that_a_call_is_pinned_to,
    scripts_hold_no_expressions_and_start_arborist_only,
    actions_are_pinned,
    a_machine_of_the_labs_own_is_reached_by_maintainers_only,
    work_is_bound_to_the_commit_that_was_seen,
    an_artifact_is_checked_before_anything_else,
    secrets_are_where_they_are_needed,
    nothing_hangs_and_no_release_is_cancelled,
]
