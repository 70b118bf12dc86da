"""What `arborist rule` shows of each rule is true: its example breaks the rule, and fixed does not."""

from pathlib import Path
from typing import Any

import pytest

from bot.lint.rule import PullRule
from bot.lint.rules import RULES
from tests.helpers.lint_tree import KNOWLEDGE

# Those on pull requests are tried in test_pull_rules.py, those on documents in test_document_rules.py, and
# the one that needs a tokenizer in test_tokens.py.
ELSEWHERE = ("document-unreachable", "document-size", "too-many-tokens")
OF_TREES = {
    name: rule for name, rule in RULES.items() if not isinstance(rule, PullRule) and name not in ELSEWHERE
}
IN_FILES = [name for name, rule in OF_TREES.items() if rule.example.file]
IN_TREES = [name for name, rule in OF_TREES.items() if not rule.example.file]


@pytest.mark.parametrize("name", IN_FILES)
def test_the_bad_part_of_a_file_breaks_the_rule_and_the_mended_does_not(tree: Any, name: str) -> None:
    example = RULES[name].example
    path = f"{KNOWLEDGE}/{example.file}"
    assert name not in tree.rules()
    if example.bad:
        tree.replace(path, example.good, example.bad)
    else:
        tree.write(path, "")
    assert name in tree.rules()


@pytest.mark.parametrize("name", IN_TREES)
def test_the_bad_files_break_the_rule_and_the_mended_do_not(tree: Any, name: str) -> None:
    example = RULES[name].example
    written = lay_out(tree, example.good)
    assert name not in tree.rules()
    for path in written:
        path.unlink()
    lay_out(tree, example.bad)
    assert name in tree.rules()


def lay_out(tree: Any, files: str) -> list[Path]:
    """Write files as an example names them; names without a folder are those of one leaf."""
    paths = []
    for number, file in enumerate(files.split(", ")):
        path, _, rest = file.partition(" ")
        path = path if "/" in path else f"compositional_skills/writing/freeform/alone/{path}"
        target = tree.root / path
        paths.append(target)
        if rest.startswith("-> "):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(rest.removeprefix("-> "))
        elif rest.endswith("MB)"):
            tree.write(path, b"x" * int(rest[1:3]) * 1_000_000)
        elif rest == "(the same)" or number == 0:
            tree.write(path, "version: 2\n" + "".join(f"line {n}: of {n * n} birds\n" for n in range(60)))
        else:
            tree.write(path, f"A file of its own, {number}.\n")
    return paths


def test_every_rule_says_what_it_asks_for_and_why() -> None:
    for rule in RULES.values():
        assert rule.doc.endswith("."), rule.name
        assert rule.why.endswith("."), rule.name
        assert rule.example.bad != rule.example.good, rule.name
