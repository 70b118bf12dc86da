"""What the shipped workflow files may hold, by name; `guards.py` finds everything else.

Whoever changes a workflow file changes this file with it, so that both are read by whoever reviews.
"""

from collections.abc import Mapping
from typing import Any

BASE = (
    "${{ github.event.pull_request.base.ref || github.event.merge_group.base_sha "
    "|| github.event.repository.default_branch }}"
)
"""Whose code and recipe lint uses: the base's as it is now; where it is dispatched, the default branch's."""
HEAD = (
    "${{ github.event.pull_request.head.sha || github.event.inputs.head "
    "|| github.event.merge_group.head_sha }}"
)
COMPARED = (
    "${{ github.event.merge_group.base_sha || "
    "format('origin/{0}', github.event.pull_request.base.ref || github.event.inputs.base_ref) }}"
)
"""The commit that the proposal is compared with, as data."""
MAIN = "${{ github.event.repository.default_branch }}"
BOT = {
    "path": ".bot",
    "repository": "${{ inputs.arborist || github.repository }}",
    "persist-credentials": "false",
}
"""How the bot is checked out: this repository's own or, where another repository calls, the pinned one."""
INPUTS = {"arborist", "commit"}
"""The inputs of every called workflow: which bot."""
OUTPUTS = {"commands.yml": ("command", "arguments", "pull", "sha"), "draft.yml": ("issue",)}
"""What the command's job of each file decides."""
HANDED = {
    "retrain.yml/decide": {
        "train": "${{ steps.decide.outputs.train }}",
        "announce": "${{ steps.decide.outputs.announce }}",
    },
    "retrain.yml/train": {"candidate": "${{ steps.train.outputs.candidate }}"},
}
"""What other jobs hand over."""
UNPRIVILEGED = {"contents": "read"}
RETRAINING = {"decide": None, "train": "decide", "publish": "train", "announce": ["decide", "publish"]}
"""The jobs of retrain.yml, each with the jobs that it waits for."""
CODE = "ci.yml"
"""Tests the code of a pull request, so it is the one file whose jobs run what somebody proposes."""
CODE_CHECKOUT = {"fetch-depth": "0", "persist-credentials": "false"}
OWN_MACHINE = """${{ fromJSON(vars.ARBORIST_RUNNER || '["self-hosted", "gpu"]') }}"""
"""`runs-on` of the jobs that need a GPU: labels that the repository's variable may name."""
PUBLISHER = """${{ fromJSON(vars.ARBORIST_PUBLISHER || '["ubuntu-latest"]') }}"""
"""`runs-on` of the job that publishes: a machine that can read the store, and not the one with the GPU."""
ON_OWN_MACHINES = {
    "sample.yml/sample": OWN_MACHINE,
    "draft.yml/draft": OWN_MACHINE,
    "retrain.yml/train": OWN_MACHINE,
    "retrain.yml/publish": PUBLISHER,
}
"""The jobs that may run on machines of the maintainers' own; all others run on GitHub's."""

TEACHING = {"DOCUMENTS_TOKEN", "OPENAI_API_KEY"}
"""Secrets of the jobs that generate, which are those on the GPU runner."""
RELEASING = {"ARBORIST_RELEASE_KEY", "HF_TOKEN"}
"""Secrets of the job that publishes."""
SECRETS = {"ARBORIST_SIGNING_KEY", "HF_READ_TOKEN", *RELEASING, *TEACHING}

FILE_KEYS = {"name", "on", "permissions", "concurrency", "jobs"}
JOB_KEYS = {
    *("name", "if", "runs-on", "timeout-minutes", "environment", "permissions", "outputs", "steps", "needs"),
}
CALL_JOB_KEYS = {"name", "needs", "if", "permissions", "uses", "with", "secrets"}
MATRIX = {"ci.yml/core": {"fail-fast": "false", "matrix": {"python": ["3.11", "3.12", "3.13"]}}}
"""`strategy` of the jobs that have one."""
STEP_KEYS = {"run": {"name", "id", "if", "env", "run"}, "uses": {"name", "if", "uses", "with"}}

_NO_CODE = ["taxonomy/**", "arborist.yaml"]
TRIGGERS: Mapping[str, Mapping[str, Any]] = {
    "lint.yml": {
        "pull_request": {"types": ["opened", "synchronize", "reopened", "ready_for_review", "edited"]},
        "merge_group": {},
        "workflow_dispatch": {},
    },
    "report.yml": {"workflow_run": {"workflows": ["lint"], "types": ["completed"]}},
    "commands.yml": {"issue_comment": {"types": ["created"]}},
    "draft.yml": {"issue_comment": {"types": ["created"]}},
    "sample.yml": {"workflow_dispatch": {}},
    "retrain.yml": {
        "push": {"branches": ["main"], "paths": ["taxonomy/**", "arborist.yaml"]},
        "schedule": [{"cron": "23 4 * * *"}],
        "workflow_dispatch": {},
    },
    "rollback.yml": {"workflow_dispatch": {}},
    "reap.yml": {"schedule": [{"cron": "*/20 * * * *"}], "workflow_dispatch": {}},
    CODE: {
        "push": {"branches": ["main"], "paths-ignore": _NO_CODE},
        "pull_request": {"paths-ignore": _NO_CODE},
    },
}
"""The events that start a file, beside `workflow_call`, with all their filters."""
DISPATCH = {
    "lint.yml": {"pull", "head", "base_ref", "author"},
    "sample.yml": {"pull", "sha", "command", "arguments"},
    "rollback.yml": {"tag"},
}
"""The inputs of a dispatch."""

CONCURRENCY: Mapping[str, Mapping[str, str]] = {
    "lint.yml": {
        "group": "lint-${{ github.event_name }}-${{ github.event.pull_request.number || "
        "github.event.inputs.pull || github.event.merge_group.head_ref }}",
        "cancel-in-progress": "true",
    },
    "report.yml": {
        "group": "report-${{ github.event.workflow_run.id }}",
        "cancel-in-progress": "false",
    },
    "commands.yml": {"group": "commands-${{ github.event.comment.id }}", "cancel-in-progress": "false"},
    "draft.yml": {"group": "draft-${{ github.event.comment.id }}", "cancel-in-progress": "false"},
    "sample.yml": {"group": "${{ inputs.command }}-${{ inputs.pull }}", "cancel-in-progress": "true"},
    "reap.yml": {"group": "reap", "cancel-in-progress": "false"},
    CODE: {
        "group": "ci-${{ github.event_name }}-${{ github.event.pull_request.number || github.sha }}",
        "cancel-in-progress": "true",
    },
}

PERMISSIONS: Mapping[str, Mapping[str, str]] = {
    "lint.yml/lint": UNPRIVILEGED,
    "report.yml/report": {
        "contents": "read",
        "actions": "read",
        "pull-requests": "write",
        "checks": "write",
    },
    "commands.yml/command": {
        "contents": "read",
        "actions": "write",
        "checks": "write",
        "issues": "write",
        "pull-requests": "write",
    },
    "commands.yml/sample": {"contents": "read", "pull-requests": "write", "checks": "write"},
    "draft.yml/command": {"contents": "read", "issues": "write", "pull-requests": "read"},
    "draft.yml/draft": UNPRIVILEGED,
    "draft.yml/propose": {
        "contents": "write",
        "actions": "write",
        "issues": "write",
        "pull-requests": "write",
    },
    "sample.yml/sample": {"contents": "read", "pull-requests": "write", "checks": "write"},
    "retrain.yml/decide": {
        "contents": "read",
        "actions": "read",
        "pull-requests": "write",
        "issues": "write",
    },
    "retrain.yml/train": {
        "contents": "read",
        "actions": "read",
        "pull-requests": "write",
        "issues": "write",
    },
    "retrain.yml/publish": {"contents": "read", "pull-requests": "write", "id-token": "write"},
    "retrain.yml/announce": {"contents": "write", "pull-requests": "write", "issues": "write"},
    "rollback.yml/rollback": {"contents": "read", "id-token": "write"},
    "reap.yml/reap": {
        "contents": "read",
        "actions": "write",
        "checks": "write",
        "pull-requests": "write",
    },
    "ci.yml/test": UNPRIVILEGED,
    "ci.yml/core": UNPRIVILEGED,
}

ENVIRONMENT: Mapping[str, set[str]] = {
    "GITHUB_TOKEN": {"${{ github.token }}"},
    **{name: {f"${{{{ secrets.{name} }}}}"} for name in sorted(SECRETS)},
    "HF_TOKEN": {"${{ secrets.HF_TOKEN }}", "${{ secrets.HF_READ_TOKEN }}"},
    "ARBORIST_STORE": {"${{ vars.ARBORIST_STORE }}"},
    "HF_ENDPOINT": {"${{ vars.HF_ENDPOINT || 'https://huggingface.co' }}"},
    "BASE": {COMPARED},
    "BASE_REF": {"${{ github.event.pull_request.base.ref || github.event.inputs.base_ref }}"},
    "HEAD": {HEAD, "${{ github.event.pull_request.head.sha || github.event.inputs.head }}"},
    "PULL": {"${{ github.event.pull_request.number || github.event.inputs.pull }}", "${{ inputs.pull }}"},
    "AUTHOR": {"${{ github.event.pull_request.user.login || github.event.inputs.author }}"},
    "SHA": {"${{ inputs.sha }}"},
    "COMMAND": {"${{ inputs.command }}"},
    "ARGUMENTS": {"${{ inputs.arguments }}"},
    "TAG": {"${{ github.event.inputs.tag }}"},
    "CANDIDATE": {"${{ needs.train.outputs.candidate }}"},
}
"""The variables that a step may set, and to what."""

_CHECKOUT = {
    "ref": {BASE, HEAD, MAIN, *(one.replace("{{ ", "{{ inputs.commit || ") for one in (BASE, MAIN))},
    "path": {"proposal", ".bot"},
    "repository": {BOT["repository"]},
    "fetch-depth": {"0"},
    "persist-credentials": {"false"},
}
ACTIONS: Mapping[str, Mapping[str, set[str]]] = {
    r"actions/checkout@[0-9a-f]{40}": _CHECKOUT,
    r"\./\.bot/\.github/actions/setup": {
        "job": {
            *("lint", "report", "command", "reap", "sample", "draft", "propose", "rollback"),
            *RETRAINING,
        },
        "store": {"${{ vars.ARBORIST_STORE }}"},
    },
    r"actions/upload-artifact@[0-9a-f]{40}": {
        "name": {"report", "draft"},
        "path": {"report", "draft"},
        "retention-days": {"5"},
    },
    r"actions/download-artifact@[0-9a-f]{40}": {
        "name": {"report", "draft"},
        "path": {"report", "draft"},
        "run-id": {"${{ github.event.workflow_run.id }}"},
        "github-token": {"${{ github.token }}"},
    },
    r"actions/setup-python@[0-9a-f]{40}": {"python-version": {"${{ matrix.python }}"}},
}
"""The actions, each with the inputs that it may be given."""

ANSWER = "python3 -I -S .bot/.github/actions/answer/answer.py"
"""Answers a command whose job failed."""
NAMESPACES = (
    "restricted=/proc/sys/kernel/apparmor_restrict_unprivileged_userns\n"
    'if [ -e "$restricted" ]; then echo 0 | sudo tee "$restricted"; fi'
)
"""Lets the tests of `arborist runner` isolate jobs."""
SCRIPTS: Mapping[str, set[str]] = {
    "lint.yml/lint": {
        'arborist plan --repository proposal --base "$BASE" --base-ref "$BASE_REF" '
        '--head "$HEAD" --pull "$PULL" --output report/plan.json',
        'arborist lint --repository proposal --base "$BASE" --head "$HEAD" --author "$AUTHOR" '
        "--output report/lint.json --sarif report/lint.sarif",
    },
    "report.yml/report": {"arborist report report"},
    "commands.yml/command": {"arborist command", ANSWER},
    "sample.yml/sample": {
        'arborist work --pull "$PULL" --sha "$SHA" --only "$COMMAND" --arguments "$ARGUMENTS"'
    },
    "draft.yml/command": {"arborist command", ANSWER},
    "draft.yml/draft": {"arborist draft-issue draft"},
    "draft.yml/propose": {"arborist propose-draft draft", ANSWER},
    "retrain.yml/decide": {"arborist decide"},
    "retrain.yml/train": {"arborist candidate"},
    "retrain.yml/publish": {'arborist publish "$CANDIDATE"'},
    "retrain.yml/announce": {"arborist announce"},
    "rollback.yml/rollback": {'arborist rollback "$TAG"'},
    "reap.yml/reap": {"arborist reap"},
    "ci.yml/test": {"make test", NAMESPACES},
    "ci.yml/core": {"make core EXTRAS="},
}
"""What the steps of each job run."""

UPLOADS = {"lint.yml/lint": "report", "draft.yml/draft": "draft"}
"""The jobs that hand files over, each with the artifact. None of them may write anything."""
DOWNLOADS = {
    "report.yml/report": ("report", ["arborist report report"]),
    "draft.yml/propose": ("draft", ["arborist propose-draft draft", ANSWER]),
}
"""The jobs that take files, each with the artifact and with all that it does after it."""

CALLS = {"commands.yml/sample": "./.github/workflows/sample.yml"}
"""The jobs that call a workflow."""

CONDITIONS = {
    "lint.yml/lint/Plan": "github.event_name != 'merge_group'",
    "lint.yml/lint/Hand the report over": "always()",
    "report.yml/report": "(github.event.workflow_run.event == 'pull_request' || "
    "github.event.workflow_run.event == 'workflow_dispatch') && "
    "(github.event.workflow_run.conclusion == 'success' || "
    "github.event.workflow_run.conclusion == 'failure')",
    "commands.yml/command": "github.event.issue.pull_request && "
    "contains(github.event.comment.body, '/arborist')",
    "commands.yml/command/Answer if the job failed": "(failure() || cancelled()) && "
    "steps.command.outputs.answered == ''",
    "commands.yml/sample": "needs.command.outputs.sha != ''",
    "draft.yml/command": "${{ !github.event.issue.pull_request && "
    "contains(github.event.comment.body, '/arborist') }}",
    "draft.yml/command/Answer if the job failed": "(failure() || cancelled()) && "
    "steps.command.outputs.answered == ''",
    "draft.yml/draft": "needs.command.outputs.issue != ''",
    "draft.yml/propose": "always() && needs.command.result == 'success' && needs.command.outputs.issue != ''",
    "draft.yml/propose/Answer if the job failed": "(failure() || cancelled()) && "
    "steps.propose.outputs.answered == ''",
    "retrain.yml/train": "needs.decide.outputs.train == 'true'",
    "retrain.yml/publish": "needs.train.outputs.candidate != ''",
    "retrain.yml/announce": "always() && (needs.publish.result == 'success' || "
    "needs.decide.outputs.announce == 'true')",
    "ci.yml/test": "vars.ARBORIST_CI == 'true'",
    "ci.yml/core": "vars.ARBORIST_CI == 'true'",
}
"""Where a job or a step (by its name) is run on a condition only."""


def _inner(value: str) -> set[str]:
    """The expressions in a value of the tables above."""
    return {part.partition("}}")[0].strip() for part in value.split("${{")[1:]}


EXPRESSIONS = set(CONDITIONS.values()).union(
    *(_inner(value) for value in CONDITIONS.values()),
    _inner(OWN_MACHINE),
    _inner(PUBLISHER),
    *(_inner(value) for handed in HANDED.values() for value in handed.values()),
    *(_inner(value) for values in ENVIRONMENT.values() for value in values),
    *(_inner(value) for given in ACTIONS.values() for values in given.values() for value in values),
    *(_inner(value) for stated in CONCURRENCY.values() for value in stated.values()),
    (f"steps.command.outputs.{name}" for names in OUTPUTS.values() for name in names),
    (f"needs.command.outputs.{name}" for names in OUTPUTS.values() for name in names),
    (f"inputs.{name}" for name in INPUTS),
)
"""Every expression that a workflow file may evaluate."""
