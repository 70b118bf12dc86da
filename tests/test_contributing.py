"""What helps contributors is in order: hooks, templates, and the examples of CONTRIBUTING.md."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import ROOT, groups

TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def test_the_hooks_run_what_the_lint_group_runs() -> None:
    config = ROOT / ".pre-commit-config.yaml"
    program = Path(sys.executable).with_name("pre-commit")
    done = subprocess.run([program, "validate-config", config], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [local] = yaml.safe_load(config.read_text())["repos"]
    entries = {hook["entry"].removeprefix(".venv/bin/").removesuffix(" --fix") for hook in local["hooks"]}
    assert entries == {" ".join(command[:2]) for command in groups.LINT if command != groups.ACTIONS}


@pytest.mark.parametrize("name", ["bug", "idea"])
def test_a_template_of_issues_has_what_github_asks_for(name: str) -> None:
    template = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text())
    assert {"name", "description", "body"} <= template.keys()
    fields = [field for field in template["body"] if field["type"] != "markdown"]
    assert fields and all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_an_example_names_its_file_and_has_no_mistake_in_it(block: str) -> None:
    lines = [line.removeprefix("   ") for line in block.rstrip().splitlines()]
    named = re.fullmatch(r"# ((?:bot|tests)/\S+\.py)", lines[0])
    assert named, lines[0]
    code = "\n".join(lines[1:]).replace("\n    ...\n", "\n")
    compile(code if "def " in code or " = " in code else f"{{\n{code}\n}}", named[1], "exec")


def test_the_changelog_begins_with_what_is_not_released() -> None:
    [first, *_] = re.findall(r"(?m)^## (.*)", (ROOT / "CHANGELOG.md").read_text())
    assert first == "[Unreleased]"
