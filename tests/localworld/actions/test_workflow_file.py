"""Workflow files: which events start them, and what their jobs may do."""

from itertools import pairwise
from typing import Any

import pytest

from localworld.actions.workflow_file import InvalidWorkflow, Workflow, matches, parse_workflow, starts
from localworld.github import Event

JOBS = "\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps: []\n"


def workflow(on: str, jobs: str = JOBS) -> Workflow:
    return parse_workflow(".github/workflows/x.yml", f"name: x\n{on}{jobs}".encode())


def event(name: str, action: str = "", ref: str = "refs/heads/main", **payload: Any) -> Event:
    return Event(name, action, "lab/taxonomy", payload, "a" * 40, ref, "somebody", False)


PULL: dict[str, Any] = {"pull_request": {"base": {"ref": "main"}, "head": {"sha": "b" * 40}}}


@pytest.mark.parametrize(
    ("on", "happened", "changed", "expected"),
    [
        ("on: push", event("push"), [], True),
        ("on: push", event("issue_comment", "created"), [], False),
        ("on: [push, pull_request]", event("pull_request", "opened", **PULL), [], True),
        ("on: pull_request", event("pull_request", "labeled", **PULL), [], False),
        ("on: {pull_request: {types: [labeled]}}", event("pull_request", "labeled", **PULL), [], True),
        ("on: {pull_request: {branches: [dev]}}", event("pull_request", "opened", **PULL), [], False),
        ("on: {push: {branches: [main]}}", event("push"), [], True),
        ("on: {push: {branches: [main]}}", event("push", ref="refs/heads/dev"), [], False),
        ("on: {push: {branches: [main]}}", event("push", ref="refs/tags/v1"), [], False),
        ("on: {push: {branches-ignore: ['d*']}}", event("push", ref="refs/heads/dev"), [], False),
        ("on: {push: {paths: ['taxonomy/**']}}", event("push"), ["taxonomy/a/qna.yaml"], True),
        ("on: {push: {paths: ['taxonomy/**']}}", event("push"), ["README.md"], False),
        ("on: {push: {paths-ignore: ['*.md']}}", event("push"), ["README.md"], False),
        ("on: {push: {paths-ignore: ['*.md']}}", event("push"), ["README.md", "bot/x.py"], True),
        ("on: {issue_comment: {types: [created]}}", event("issue_comment", "deleted"), [], False),
        (
            "on: {workflow_run: {workflows: [lint], types: [completed]}}",
            event("workflow_run", "completed", workflow_run={"name": "lint", "head_branch": "x"}),
            [],
            True,
        ),
        (
            "on: {workflow_run: {workflows: [lint], types: [completed]}}",
            event("workflow_run", "completed", workflow_run={"name": "retrain", "head_branch": "x"}),
            [],
            False,
        ),
    ],
)
def test_filters_are_githubs(on: str, happened: Event, changed: list[str], expected: bool) -> None:
    assert starts(workflow(on), happened, lambda: changed) is expected


@pytest.mark.parametrize(
    ("name", "patterns", "expected"),
    [
        ("taxonomy/a/b", ["taxonomy/**"], True),
        ("taxonomy/a/b", ["taxonomy/*"], False),
        ("a/docs/x.md", ["**/docs/*.md"], True),
        ("docs/x.md", ["**/docs/*.md"], True),
        ("release/1", ["release/*", "!release/1"], False),
        ("v1.10", ["v[12].[0-9]+"], True),
        ("v3.1", ["v[12].[0-9]+"], False),
        ("page.js", ["*.jsx?"], True),
        ("page.jsxx", ["*.jsx?"], False),
        ("docs/hello.md", ["**/docs/**"], True),
        ("a*b", [r"a\*b"], True),
        ("a" * 200 + "b", ["**a" * 60], False),
    ],
)
def test_patterns_are_githubs(name: str, patterns: list[str], expected: bool) -> None:
    assert matches(name, patterns) is expected


@pytest.mark.parametrize(
    "text",
    [
        "jobs: [",
        "name: x",
        "on: push\njobs: []",
        "on: push\njobs: {}",
        "on: push\njobs: {a: 1}",
        "jobs: {a: {}}",
        "\xff",
        "on: {push: {branches: a, branches-ignore: b}}\njobs: {a: {}}",
        "on: {push: {branch: a}}\njobs: {a: {}}",
        "on: {push: {branches: ['[z-a]']}}\njobs: {a: {}}",
        "on: {workflow_dispatch: {inputs: [a]}}\njobs: {a: {}}",
        "on: push\njobs: {a: {needs: b}}",
        "on: push\njobs: {a: {steps: [x]}}",
        "on: push\njobs: {a: {permissions: [x]}}",
        "on: push\njobs: {a: {}}\nx: &x [*x]",
        "on: push\njobs: {a: {}}\na: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in pairwise("abcdefgh"))
        + "name: *h",
        "on: push\njobs: {a: {}}\nname: " + "x" * 600_000,
    ],
)
def test_what_is_no_workflow_says_why(text: str) -> None:
    with pytest.raises(InvalidWorkflow, match=r"x\.yml"):
        parse_workflow("x.yml", text.encode("latin-1"))


def test_a_jobs_own_permissions_replace_the_workflows() -> None:
    jobs = (
        "\npermissions: {contents: write}\njobs:\n"
        "  own: {permissions: {checks: write}}\n  none: {permissions: {}}\n"
        "  all: {permissions: read-all}\n  inherited: {}\n"
    )
    found = workflow("on: push", jobs)
    assert found.permissions("own") == {"checks": "write"}
    assert found.permissions("none") == {}
    assert found.permissions("all")["issues"] == "read"
    assert found.permissions("inherited") == {"contents": "write"}
    assert workflow("on: push").permissions("one") == {"contents": "read"}
