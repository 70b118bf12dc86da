"""Rules that the workflow files must keep beyond what zizmor and actionlint check; each rule has a name.

Most rules are allow-lists: a key, a trigger, an expression, a script, a variable or an action's input that is
not listed in `allowed.py` is a problem, whatever it does. The others say how jobs may be joined.

A job is privileged when its token may write anything, when it sees a secret, or when it runs on a machine of
the maintainers' own. Each rule takes all files, since what one file may do depends on who calls it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from tests.workflows.allowed import (
    ACTIONS,
    BASE,
    BOT,
    CALL_JOB_KEYS,
    CALLS,
    CODE,
    CODE_CHECKOUT,
    CONCURRENCY,
    CONDITIONS,
    DISPATCH,
    DOWNLOADS,
    ENVIRONMENT,
    EXPRESSIONS,
    FILE_KEYS,
    HANDED,
    HEAD,
    INPUTS,
    JOB_KEYS,
    MAIN,
    MATRIX,
    ON_OWN_MACHINES,
    OUTPUTS,
    PERMISSIONS,
    PUBLISHER,
    RELEASING,
    RETRAINING,
    SCRIPTS,
    SECRETS,
    STEP_KEYS,
    TEACHING,
    TRIGGERS,
    UNPRIVILEGED,
    UPLOADS,
)

Files = Mapping[str, dict[str, Any]]
Job = dict[str, Any]

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


def problems(texts: Mapping[str, str]) -> list[str]:
    """List what is wrong with workflow files, given by their names."""
    files = {name: yaml.load(text, Loader=yaml.BaseLoader) for name, text in texts.items()}
    strangers = sorted(files.keys() ^ TRIGGERS.keys())
    if strangers:
        return [f"{name} is not one of the workflow files that the rules know" for name in strangers]
    return [f"{rule.__name__}: {found}" for rule in RULES for found in rule(files)]


def jobs(files: Files) -> Iterator[tuple[str, str, Job]]:
    for file, data in files.items():
        for name, job in data["jobs"].items():
            yield file, f"{file}/{name}", job


def steps(job: Job) -> list[dict[str, Any]]:
    return list(job.get("steps") or [])


def checkouts(job: Job) -> Iterator[dict[str, Any]]:
    """The inputs of a job's checkouts, without the bot's."""
    for step in steps(job):
        given = step.get("with") or {}
        if "checkout" in step.get("uses", "") and given.get("path") != BOT["path"]:
            yield given


def expressions(value: Any) -> set[str]:
    """Every expression in a part of a file, and every `if`, which is one without braces."""
    if isinstance(value, dict):
        found = {str(item).strip() for key, item in value.items() if key == "if" and "${{" not in str(item)}
        return found.union(*(expressions(item) for item in value.values()), set())
    if isinstance(value, list):
        return set().union(*(expressions(item) for item in value))
    return {one.strip() for one in _EXPRESSION.findall(str(value))}


def secrets_of(job: Job) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", str({**job, "secrets": ""}))) | set(job.get("secrets") or {})


def own_machine(job: Job) -> bool:
    return "uses" not in job and job.get("runs-on") != "ubuntu-latest"


def privileged(job: Job) -> bool:
    granted = job.get("permissions")
    writes = not isinstance(granted, dict) or any(level != "read" for level in granted.values())
    return writes or bool(secrets_of(job)) or own_machine(job)


def only_known_keys_are_used(files: Files) -> Iterator[str]:
    for name, data in files.items():
        yield from (f"{name} has the key {key}" for key in data.keys() - FILE_KEYS)
    for _, name, job in jobs(files):
        allowed = CALL_JOB_KEYS if "uses" in job else JOB_KEYS | ({"strategy"} if name in MATRIX else set())
        yield from (f"{name} has the key {key}" for key in job.keys() - allowed)
        for step in steps(job):
            kind = "run" if "run" in step else "uses"
            yield from (f"{name} has a step with the key {key}" for key in step.keys() - STEP_KEYS[kind])


def only_known_expressions_are_used(files: Files) -> Iterator[str]:
    for name, data in files.items():
        for one in sorted(expressions(data) - EXPRESSIONS):
            yield f"{name} evaluates {one}"


def only_known_variables_are_set(files: Files) -> Iterator[str]:
    for _, name, job in jobs(files):
        for step in steps(job):
            for variable, value in (step.get("env") or {}).items():
                if value not in ENVIRONMENT.get(variable, ()):
                    yield f"{name} sets {variable} to {value}"


def only_known_actions_are_used_and_as_they_are_meant(files: Files) -> Iterator[str]:
    for _, name, job in jobs(files):
        for step in steps(job):
            use = step.get("uses")
            if use is None:
                continue
            allowed = next((given for known, given in ACTIONS.items() if re.fullmatch(known, use)), None)
            if allowed is None:
                yield f"{name} uses {use}"
                continue
            for key, value in (step.get("with") or {}).items():
                if value not in allowed.get(key, ()):
                    yield f"{name} gives {use.partition('@')[0]} {key}: {value}"
        if job.get("uses") != CALLS.get(name):
            yield f"{name} calls {job.get('uses')}"


def workflows_start_by_what_they_are_for(files: Files) -> Iterator[str]:
    for name, data in files.items():
        started = data.get("on")
        triggers = started if isinstance(started, dict) else {}
        stated = {event: given or {} for event, given in triggers.items() if event != "workflow_call"}
        dispatch = stated.get("workflow_dispatch", {})
        inputs = set((dispatch.get("inputs") or {}) if isinstance(dispatch, dict) else {})
        if inputs != DISPATCH.get(name, set()):
            yield f"{name} can be dispatched with {sorted(inputs)}"
        if "workflow_dispatch" in stated:
            stated["workflow_dispatch"] = {}
        if stated != TRIGGERS[name] or ("workflow_call" in triggers) == (name == CODE):
            yield f"{name} starts by {started}"
        if data.get("name") != name.removesuffix(".yml"):
            yield f"{name} is called {data.get('name')}, and others know it by its file's name"


def groups_of_concurrency_are_the_known_ones(files: Files) -> Iterator[str]:
    for name, data in files.items():
        if data.get("concurrency") != CONCURRENCY.get(name):
            yield f"{name} has the concurrency {data.get('concurrency')}"


def nothing_is_permitted_that_a_job_does_not_state(files: Files) -> Iterator[str]:
    for name, data in files.items():
        if data.get("permissions") != {}:
            yield f"{name} permits something to all its jobs"
    for _, name, job in jobs(files):
        if job.get("permissions") != PERMISSIONS.get(name):
            yield f"{name} has the permissions {job.get('permissions')}"


def the_proposal_is_seen_only_without_rights_and_only_as_data(files: Files) -> Iterator[str]:
    for file, name, job in jobs({name: data for name, data in files.items() if name != CODE}):
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
            script = re.sub(r"--repository proposal\b", "", step.get("run", ""))
            if "proposal" in script + str(step.get("uses", "")):
                yield f"{name} uses the proposal as more than data: {script.strip() or step['uses']!r}"


def the_bot_is_this_repositorys_or_the_one_that_a_call_is_pinned_to(files: Files) -> Iterator[str]:
    files = {name: data for name, data in files.items() if name != CODE}
    for file, name, job in jobs(files):
        if "uses" in job:
            continue
        own = BASE if file == "lint.yml" else MAIN
        wanted = {**BOT, "ref": own.replace("{{ ", "{{ inputs.commit || ")}
        done = [(step.get("uses", ""), step.get("with")) for step in steps(job)]
        places = [place for place, (uses, _) in enumerate(done) if uses == "./.bot/.github/actions/setup"]
        if len(places) != 1 or done[places[0] - 1][1] != wanted:
            yield f"{name} sets up another bot"
        first = [place for place, step in enumerate(steps(job)) if "run" in step]
        if first and places and first[0] < places[0]:
            yield f"{name} runs something before the bot is set up"
    for file, data in files.items():
        call = data["on"].get("workflow_call") or {}
        stated = {name: given.get("type") for name, given in (call.get("inputs") or {}).items()}
        if not stated.keys() >= INPUTS or set(stated.values()) != {"string"}:
            yield f"{file} cannot be told which bot"
        if file != "sample.yml" and stated.keys() != INPUTS:
            yield f"{file} can be told more than which bot"


def proposed_code_is_run_in_one_file_without_any_rights(files: Files) -> Iterator[str]:
    for file, name, job in jobs(files):
        if job.get("strategy") != MATRIX.get(name):
            yield f"{name} has the strategy {job.get('strategy')}"
        if file != CODE:
            if any("setup-python" in step.get("uses", "") for step in steps(job)):
                yield f"{name} uses a Python that the set-up did not choose"
            continue
        if privileged(job) or job.get("permissions") != UNPRIVILEGED or "github.token" in str(job):
            yield f"{name} runs proposed code and has rights"
        if list(checkouts(job)) != [CODE_CHECKOUT]:
            yield f"{name} checks out something else than what the event says"


def only_known_scripts_are_run(files: Files) -> Iterator[str]:
    for _, name, job in jobs(files):
        for step in steps(job):
            if "run" in step and step["run"].strip() not in SCRIPTS.get(name, ()):
                yield f"{name} runs {step['run'].strip()[:60]!r}"


def conditions_are_the_known_ones(files: Files) -> Iterator[str]:
    for _, name, job in jobs(files):
        places = {name: job, **{f"{name}/{step.get('name')}": step for step in steps(job)}}
        for place, part in places.items():
            if part.get("if") != CONDITIONS.get(place):
                yield f"{place} is run if {part.get('if')}"


def a_machine_of_ones_own_is_reached_by_maintainers_only(files: Files) -> Iterator[str]:
    own = {file for file, _, job in jobs(files) if own_machine(job)}
    if own != {"sample.yml", "draft.yml", "retrain.yml"}:
        yield f"{sorted(own)} run on machines of the maintainers' own"
    for file, name, job in jobs(files):
        if own_machine(job) and job.get("runs-on") != ON_OWN_MACHINES.get(name):
            yield f"{name} runs on {job.get('runs-on')}"
        called = job.get("uses", "").rpartition("/")[2]
        if called in own and (file != "commands.yml" or job.get("needs") != "command"):
            yield f"{name} calls {called} without a maintainer's command"
        if file == "draft.yml" and own_machine(job) and job.get("needs") != "command":
            yield f"{name} does not wait for a maintainer's command"
    gates = {file: files[file]["jobs"]["command"] for file in OUTPUTS}
    for file, gate in gates.items():
        yield from _decides(file, gate)
    for _, name, job in jobs(files):
        if "outputs" in job and job["outputs"] != HANDED.get(name) and job not in gates.values():
            yield f"{name} hands something over"


def _decides(file: str, gate: Job) -> Iterator[str]:
    """What is wrong with the job that decides who may give a command."""
    scripts = [(step.get("id"), step["run"]) for step in steps(gate) if "run" in step]
    deciding = [step for step in steps(gate) if "id" in step]
    if scripts[:1] != [("command", "arborist command")] or len(deciding) != 1 or own_machine(gate):
        yield f"{file} does not ask who gave the command"
    if gate.get("outputs") != {name: f"${{{{ steps.command.outputs.{name} }}}}" for name in OUTPUTS[file]}:
        yield f"{file} hands over what arborist did not decide"


def work_is_bound_to_the_commit_that_was_seen(files: Files) -> Iterator[str]:
    given = files["commands.yml"]["jobs"]["sample"]["with"]
    for name, value in given.items():
        source = "inputs" if name in INPUTS else "needs.command.outputs"
        if value != f"${{{{ {source}.{name} }}}}":
            yield f"commands.yml hands {name} over as {value}"
    step = steps(files["sample.yml"]["jobs"]["sample"])[-1]
    for option, variable, value in (("sha", "SHA", "inputs.sha"), ("pull", "PULL", "inputs.pull")):
        script, stated = step.get("run", ""), (step.get("env") or {}).get(variable)
        if f'--{option} "${variable}"' not in script or stated != f"${{{{ {value} }}}}":
            yield f"sample.yml does not say which {option}"


def an_artifact_is_checked_before_anything_else(files: Files) -> Iterator[str]:
    for _, name, job in jobs(files):
        listed = steps(job)
        for place, step in enumerate(listed):
            given = step.get("with") or {}
            if "download-artifact" in step.get("uses", ""):
                after = [later.get("run") or later.get("uses") for later in listed[place + 1 :]]
                artifact, wanted = DOWNLOADS.get(name, ("", []))
                if after != wanted or {given.get("name"), given.get("path")} != {artifact}:
                    yield f"{name} goes on with an artifact by {after}"
            if "upload-artifact" in step.get("uses", "") and (
                {given.get("name"), given.get("path")} != {UPLOADS.get(name)}
                or job.get("permissions") != UNPRIVILEGED
            ):
                yield f"{name} hands files over"


def secrets_are_where_they_are_needed(files: Files) -> Iterator[str]:
    for file, name, job in jobs(files):
        found = secrets_of(job)
        if not isinstance(job.get("secrets", {}), dict) or not found <= SECRETS:
            yield f"{name} sees the secrets {sorted(found)}"
            continue
        for secret, value in (job.get("secrets") or {}).items():
            if value != f"${{{{ secrets.{secret} }}}}":
                yield f"{name} hands {value} over as {secret}"
        generates = own_machine(job) or "sample.yml" in str(job.get("uses", ""))
        reads = {"DOCUMENTS_TOKEN"} if name == "retrain.yml/decide" else set()
        if found & TEACHING - reads and (not generates or name == "retrain.yml/publish"):
            yield f"{name} sees what only a job that generates needs"
        if "HF_READ_TOKEN" in found and (file != "retrain.yml" or name == "retrain.yml/publish"):
            yield f"{name} sees what only a retraining reads"
        if file == "lint.yml" and ("github.token" in str(job) or found):
            yield f"{name} gives a token to the job that reads the proposal"
        if name == "draft.yml/draft" and ("github.token" in str(job) or found - {"OPENAI_API_KEY"}):
            yield f"{name} gives a token to the job that reads the document"


def two_jobs_may_write_to_the_hub_and_they_have_no_gpu(files: Files) -> Iterator[str]:
    for _, name, job in jobs(files):
        writes = secrets_of(job) & RELEASING or "id-token" in (job.get("permissions") or {})
        publishes = name in ("retrain.yml/publish", "rollback.yml/rollback")
        if writes and not publishes:
            yield f"{name} may write to the Hub or sign releases"
        if job.get("environment") != ("release" if publishes else None):
            yield f"{name} is in the environment {job.get('environment')}"
        if publishes and job.get("runs-on") != (
            PUBLISHER if name == "retrain.yml/publish" else "ubuntu-latest"
        ):
            yield f"{name} runs on {job.get('runs-on')}"
    stated = files["retrain.yml"]["jobs"]
    if tuple(stated) != tuple(RETRAINING):
        yield f"retrain.yml has the jobs {', '.join(stated)}"
    for name, needs in RETRAINING.items():
        if stated.get(name, {}).get("needs") != needs:
            yield f"retrain.yml/{name} does not wait for {needs}"


def nothing_hangs(files: Files) -> Iterator[str]:
    for _, name, job in jobs(files):
        if "uses" not in job and not str(job.get("timeout-minutes", "")).isdigit():
            yield f"{name} has no timeout"


RULES: list[Callable[[Files], Iterator[str]]] = [
    only_known_keys_are_used,
    only_known_expressions_are_used,
    only_known_variables_are_set,
    only_known_actions_are_used_and_as_they_are_meant,
    workflows_start_by_what_they_are_for,
    groups_of_concurrency_are_the_known_ones,
    nothing_is_permitted_that_a_job_does_not_state,
    the_proposal_is_seen_only_without_rights_and_only_as_data,
    the_bot_is_this_repositorys_or_the_one_that_a_call_is_pinned_to,
    proposed_code_is_run_in_one_file_without_any_rights,
    only_known_scripts_are_run,
    conditions_are_the_known_ones,
    a_machine_of_ones_own_is_reached_by_maintainers_only,
    work_is_bound_to_the_commit_that_was_seen,
    an_artifact_is_checked_before_anything_else,
    secrets_are_where_they_are_needed,
    two_jobs_may_write_to_the_hub_and_they_have_no_gpu,
    nothing_hangs,
]
