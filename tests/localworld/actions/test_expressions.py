"""Expressions in `concurrency`: what act makes of them in jobs, the dispatcher makes of them before."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localworld.actions.expressions import Unknown, evaluate, truth
from tests.helpers.local_actions import PATH

EVENT = {
    "number": 7,
    "draft": False,
    "label": None,
    "title": "It's {here}",
    "labels": [{"name": "one"}, {"name": "Two"}],
    "deep": {"er": {"a-b": "found"}},
}
CONTEXT = {"github": {"event": EVENT, "ref": "refs/heads/main"}, "inputs": {}, "vars": {}}

EXPRESSIONS = [
    "github.event.number",
    "github.event.draft",
    "github.event.label",
    "github.event.title",
    "github.event.missing.deeper || github.ref",
    "github.event['deep'].er['a-b']",
    "GitHub.Event.Number",
    "github.event.labels[1].name",
    "github.event.labels[5].name || 'none'",
    "join(github.event.labels.*.name, ' + ')",
    "github.event.number == '7'",
    "github.event.title == 'IT''S {HERE}'",
    "github.event.draft && 'draft' || 'ready'",
    "!github.event.draft && github.event.number > 6",
    "github.event.number >= 7.0 && 1 < 2 && 2 != 3",
    "'' || 0 || false || null || 'last'",
    "(true || false) && !(1 == 2)",
    "contains(github.ref, 'HEADS')",
    "contains(github.event.labels.*.name, 'two')",
    "startsWith(github.ref, 'refs/') && endsWith(github.ref, 'MAIN')",
    "format('{0}-{1}-{{x}}', github.event.number, github.ref)",
    "fromJSON('{\"a\": [1, 2]}').a[1]",
    "toJSON(github.event.deep.er)",
    "1.5",
    "0x1f",
    "1e3",
    "null == 0",
    "true == 1",
    "'a' < 'B'",
]


def test_every_expression_is_what_act_makes_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "work" / ".github" / "workflows"
    folder.mkdir(parents=True)
    variables = {f"E{number}": f"<${{{{ {text} }}}}>" for number, text in enumerate(EXPRESSIONS)}
    job = {"runs-on": "x", "steps": [{"run": "env -0 | grep -zE '^E[0-9]+='", "env": variables}]}
    (folder / "x.yml").write_text(json.dumps({"on": "push", "jobs": {"x": job}}))
    (tmp_path / "event.json").write_text(json.dumps(EVENT))
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "work")], check=True)
    command = [
        "act",
        "push",
        "-C",
        "work",
        "-e",
        str(tmp_path / "event.json"),
        "-P",
        "x=-self-hosted",
        "--no-cache-server",
        "--json",
    ]
    command += ["--env", "GITHUB_REF=refs/heads/main", "--action-cache-path", str(tmp_path / "cache")]
    environment = {"PATH": PATH, "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    output = "".join(line["msg"] for line in said if line.get("raw_output"))
    theirs = dict(entry.split("=", 1) for entry in output.replace("\r", "").rstrip("\n").split("\0") if entry)
    ours = {name: evaluate(text, CONTEXT) for name, text in variables.items()}
    assert {EXPRESSIONS[int(name[1:])]: value for name, value in ours.items()} == {
        EXPRESSIONS[int(name[1:])]: value for name, value in theirs.items()
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retrain", "retrain"),
        ("lint-${{ github.event.number }}-${{ github.ref }}", "lint-7-refs/heads/main"),
        ("${{ inputs.pull || 'it''s }} done' }}", "it's }} done"),
        ("$ {{ not one }}", "$ {{ not one }}"),
    ],
)
def test_a_text_may_hold_several(text: str, expected: str) -> None:
    assert evaluate(text, CONTEXT) == expected


@pytest.mark.parametrize(
    "text",
    [
        "hashFiles('x')",
        "secrets.TOKEN",
        "1 +",
        "((1)",
        "'open",
        "format('{9}')",
        "fromJSON('{')",
        "a b",
        "",
        "1 2",
    ],
)
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(Unknown, match="the local dispatcher cannot evaluate the expression"):
        evaluate(f"${{{{ {text} }}}}", CONTEXT)


@given(st.text(alphabet="()[]!&|=<>.*,' ab10{}$-github", max_size=60))
def test_nothing_breaks_it(text: str) -> None:
    try:
        result = evaluate(f"${{{{ {text} }}}}", CONTEXT)
    except Unknown as error:
        assert str(error)
    else:
        assert isinstance(result, str)


def test_depth_has_an_end() -> None:
    with pytest.raises(Unknown):
        evaluate("${{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", CONTEXT)


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("False", False), ("${{ 1 == 1 }}", True)])
def test_truth(text: str, expected: bool) -> None:
    assert truth(text, CONTEXT) is expected
