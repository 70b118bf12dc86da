"""Mistakes in how an exam question is marked: one finding each, at its place, with a fix."""

from typing import Any

import pytest

from bot.config.load import load_lint_recipe
from bot.lint import lint_tree
from tests import ROOT
from tests.helpers.lint_tree import KNOWLEDGE

EXAM = f"{KNOWLEDGE}/exam.yaml"
HEAD = "version: 1\nquestions:\n  - question: Which sea washes Oru?\n"
CHOICES = "choices: [Grey, Blue Sea]"

# conditions, rule, line and column of the one finding, a part of the message, a part of the help
WRONG = [
    ("", "exam-marking", 3, 15, "does not say what a right answer is", "add must_contain"),
    ("none_of: [Blue]", "exam-marking", 3, 15, "makes an empty answer right", "add must_contain"),
    ("must_contain: [Grey]\n    tolerance: 1", "exam-marking", 5, 5, "needs a 'number'", "add the number"),
    ("number: 900\n    tolerance: -1", "exam-marking", 5, 16, "at least 0", "another number"),
    ('number: "900"', "wrong-type", 4, 13, "must be a number", "without quotes: 900"),
    ("number: 1,200", "wrong-type", 4, 13, "must be a number", "without thousands separators"),
    ("number: 1.0e+3", "wrong-type", 4, 13, "must be a number", "in digits"),
    ("matches: '[Grey'", "exam-marking", 4, 14, "cannot be used: it is invalid", "look-around"),
    (f"matches: {'x' * 201}", "exam-marking", 4, 14, "the maximum is 200", "look-around"),
    ("matches: 'Grey|'", "exam-marking", 4, 14, "found in every answer", "must have"),
    (f"{CHOICES}\n    choice: Gray", "exam-marking", 5, 13, "not among", "did you mean 'Grey'?"),
    (f"{CHOICES}\n    choice: Tamm", "exam-marking", 5, 13, "not among", "one of 'Grey', 'Blue Sea'"),
    (CHOICES, "exam-marking", 4, 5, "'choices' needs 'choice'", "the right one"),
    ("choice: Grey", "exam-marking", 4, 5, "'choice' needs 'choices'", "to choose from"),
    ("choices: [Grey]\n    choice: Grey", "too-few", 4, 5, "too few choices", "add 1 more"),
    ("choices: [Grey, grey.]\n    choice: Grey", "exam-marking", 4, 21, "in case or punctuation", "another"),
    (f"choices: {list(map(str, range(11)))}\n    choice: '1'", "exam-marking", 4, 5, "maximum is 10", "some"),
    (
        f"{CHOICES}\n    choice: Grey\n    any_of: [Grey]",
        "exam-marking",
        6,
        5,
        "no effect",
        "remove 'any_of'",
    ),
]


@pytest.mark.parametrize(("conditions", "rule", "line", "column", "message", "help_"), WRONG)
def test_a_mistake_is_one_finding(
    tree: Any, conditions: str, rule: str, line: int, column: int, message: str, help_: str
) -> None:
    tree.write(EXAM, f"{HEAD}    {conditions}\n")
    (finding,) = tree.lint().findings
    assert (finding.rule, finding.path) == (rule, f"taxonomy/{EXAM}")
    assert (finding.line, finding.column) == (line, column)
    assert message in finding.message
    assert help_ in finding.help


@pytest.mark.parametrize(
    "conditions",
    [
        "any_of: [Grey, the Grey Sea]\n    none_of: [Blue]",
        "number: 900\n    tolerance: 10.5\n    must_contain: [Oru]",
        "matches: '^the grey\\b'\n    none_of: [Blue]",
        f"{CHOICES}\n    choice: Blue Sea",
        "judge: That it is the sea which washes Oru.",
    ],
)
def test_sensible_conditions_have_no_finding(tree: Any, conditions: str) -> None:
    tree.write(EXAM, f"{HEAD}    {conditions}\n")
    assert tree.rules() == []


def test_a_judge_is_named_by_the_recipe(tree: Any) -> None:
    tree.write(EXAM, f"{HEAD}    judge: That it is the Grey Sea.\n")
    recipe = (ROOT / "arborist.yaml").read_text()
    tree.write("../arborist.yaml", recipe)
    settings = load_lint_recipe(tree.root / "../arborist.yaml")
    (finding,) = [
        one for one in lint_tree(tree.root, settings=settings).findings if one.rule == "exam-marking"
    ]
    assert (finding.line, finding.column) == (4, 5)
    assert "the recipe names none" in finding.message
    assert "name a model in evaluate.judge" in finding.help
    tree.write("../arborist.yaml", recipe.replace("evaluate:", "evaluate:\n  judge: {model: embedded}"))
    settings = load_lint_recipe(tree.root / "../arborist.yaml")
    assert "exam-marking" not in [one.rule for one in lint_tree(tree.root, settings=settings).findings]


def test_a_number_in_quotes_is_fixed_mechanically(tree: Any) -> None:
    tree.write(EXAM, f'{HEAD}    number: "12.5"\n')
    (finding,) = tree.lint().findings
    assert finding.fixed_line == "    number: 12.5"


def test_thousands_of_expressions_do_not_make_lint_slow(tree: Any) -> None:
    one = "  - question: Which sea washes Oru, number {}?\n    matches: (?:\\w{{100}}){{20}}{}\n"
    tree.write(EXAM, "version: 1\nquestions:\n" + "".join(one.format(n, n) for n in range(3_000)))
    (finding,) = tree.lint().findings
    assert "more than 200 questions have regular expressions" in finding.message
