"""What people and GitHub are shown, and that nothing in it comes alive."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sarif_kit.validate import assert_valid

from bot.core.errors import UserError
from bot.lint.findings import Finding, Severity
from bot.lint.report import Report, read_report
from bot.lint.reporters import REPORTERS
from bot.lint.reporters.markdown import render
from bot.lint.rules import RULES

LEAF = "knowledge/geography/islands/oru"
QNA = f"{LEAF}/qna.yaml"
SCHEMA = Path(__file__).parents[2] / "schemas" / "report.json"


def finding(**values: Any) -> Finding:
    plain: dict[str, Any] = {"path": "taxonomy/a/qna.yaml", "line": 3, "column": 5, "rule": "not-text"}
    plain |= {"severity": Severity.ERROR, "message": "7 is a number", "help": "put it in quotes"}
    return Finding(**{**plain, **values})


def shown(format_: str, *findings: Finding) -> str:
    return REPORTERS[format_](Report("taxonomy", findings, ()))


def test_the_terminal_shows_the_line_with_a_caret_and_help(
    tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree.root.parent)
    tree.replace(QNA, "answer: First Oru is an island in the Grey Sea.", "answer: 1868")
    assert REPORTERS["terminal"](tree.lint()) == (
        "error[not-text]: 1868 is a number here, but text is needed\n"
        f"  --> taxonomy/{QNA}:15:17\n"
        "   |\n"
        "15 |         answer: 1868\n"
        "   |                 ^^^^\n"
        '   = help: put it in quotes: answer: "1868"\n'
        "\n"
        "1 error, 0 warnings in 2 leaves\n"
    )


@pytest.mark.parametrize("repository", [True, False], ids=["a repository", "a folder"])
@pytest.mark.parametrize(
    "place", [".", "..", "taxonomy/knowledge", "docs", "taxonomy/knowledge/geography/islands/oru"]
)
def test_the_terminal_shows_paths_that_can_be_opened_from_where_one_stands(
    tree: Any, monkeypatch: pytest.MonkeyPatch, place: str, repository: bool
) -> None:
    root = tree.root.parent
    (root / "docs").mkdir()
    if repository:
        (root / ".git").mkdir()
    tree.replace(QNA, "answer: First Oru is an island in the Grey Sea.", "answer: 1868")
    monkeypatch.chdir(root / place)
    text = REPORTERS["terminal"](tree.lint())
    path = re.search(r"--> (\S+):15:17", text)[1]  # type: ignore[index]
    assert Path(path).read_text() == (tree.root / QNA).read_text()
    assert json.loads(REPORTERS["json"](tree.lint()))["findings"][0]["path"] == f"taxonomy/{QNA}"


def test_the_terminal_says_when_there_is_nothing(tree: Any) -> None:
    assert REPORTERS["terminal"](tree.lint()) == "2 leaves, nothing to fix\n"


def test_the_terminal_gets_no_control_characters_and_no_endless_lines() -> None:
    text = shown(
        "terminal", finding(message="\x1b[2J\u202e", source="\x1b]0;x\x07" + "y" * 5000, column=3000)
    )
    assert text.replace("\n", "").isprintable()
    assert max(map(len, text.splitlines())) < 130


def test_the_caret_stands_below_wide_characters() -> None:
    text = shown("terminal", finding(source="名前: 7", column=5, end_column=6, end_line=3))
    assert "3 | 名前: 7\n  |       ^\n" in text


def test_annotations_are_workflow_commands() -> None:
    assert shown("github", finding(end_line=4)) == (
        "::error file=taxonomy/a/qna.yaml,line=3,col=5,endLine=4,title=not-text"
        "::7 is a number%0Aput it in quotes\n"
    )
    assert shown("github", finding(severity=Severity.INFO)).startswith("::notice ")


def test_nothing_in_an_annotation_begins_a_command_of_its_own() -> None:
    hostile = "100%\r\n::set-output name=x::y"
    text = shown("github", finding(path=f"a,b:{hostile}", message=hostile, help=hostile))
    assert text.count("\n") == 1
    assert "\r" not in text
    assert "file=a%2Cb%3A100%25%0D%0A%3A%3Aset-output name=x%3A%3Ay," in text
    assert "::100%25%0D%0A::set-output" in text


def test_json_is_as_the_schema_says(tree: Any) -> None:
    tree.write(QNA, "version: 3\ndomain: 7\n")
    report = tree.lint()
    data = json.loads(REPORTERS["json"](report))
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(data)
    assert data["counts"] == {"error": report.errors, "warning": 0, "info": 0, "leaves": 2}
    assert data["root"] == "taxonomy"
    read = read_report(data)
    assert [(f.path, f.line, f.column, f.rule, f.severity) for f in read] == [
        (f.path, f.line, f.column, f.rule, f.severity) for f in report.findings
    ]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"version": 1, "root": "x", "findings": [{}], "leaves": [], "counts": {}},
        {"version": 1, "root": "x", "findings": "@everyone", "leaves": [], "counts": {}},
    ],
)
def test_a_report_from_anybody_is_checked(data: Any) -> None:
    with pytest.raises(UserError, match=r"lint report: .* schemas/report\.json"):
        read_report(data)


def test_the_comment_names_file_line_and_fix() -> None:
    text = render(
        [finding(), finding(path="taxonomy/b/qna.yaml", severity=Severity.WARNING), finding(line=9)]
    )
    assert text.startswith("❌ 2 things to fix in one file.")
    assert text.index("taxonomy/a/qna.yaml") < text.index("line 3") < text.index("line 9")
    assert text.index("line 9") < text.index("taxonomy/b/qna.yaml")
    assert text.count("taxonomy/a/qna.yaml") == 1
    assert "put it in quotes" in text


def test_the_comment_says_when_there_is_nothing_to_fix() -> None:
    assert render([]).startswith("✅")
    assert render([finding(severity=Severity.WARNING)]).startswith("✅ No errors; 1 remark")


HOSTILE = (
    "@everyone <!-- arborist --> <script>x</script> ![beacon](https://evil.example/x.png) closes #1 "
    "[x](javascript:y) ``` | a | b | https://evil.example www.evil.example \n# title\n- item \u202e \u200b"
)


@pytest.mark.parametrize("field", ["path", "message", "help", "rule"])
def test_nothing_in_the_comment_comes_alive(field: str) -> None:
    text = render([finding(**{field: HOSTILE})])
    for active in (
        "@everyone",
        "<!--",
        "<script",
        "![",
        "](",
        "closes #",
        "```",
        "https://",
        "www.",
        "\u202e",
    ):
        assert active not in text
    assert len([line for line in text.splitlines() if line.startswith("- ")]) == 1
    assert not re.search(r"^\s*#", text, re.MULTILINE)


def test_the_comment_stays_short_whatever_is_found() -> None:
    many = [
        finding(path=f"taxonomy/{i}/qna.yaml", message="@[x](y)" * 500, help="#`*" * 500) for i in range(5000)
    ]
    text = render(many)
    assert len(text) < 30_000
    assert re.search(r"… and 49\d\d more", text)


def sarif(*findings: Finding) -> dict[str, Any]:
    text = shown("sarif", *findings)
    assert_valid(json.loads(text))
    run: dict[str, Any] = json.loads(text)["runs"][0]
    return run


def test_sarif_says_where_what_and_how_to_fix_it() -> None:
    [result] = sarif(finding(end_line=3, end_column=9))["results"]
    assert (result["ruleId"], result["level"]) == ("not-text", "error")
    assert result["message"]["text"] == "7 is a number\nput it in quotes"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "taxonomy/a/qna.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9}


def test_sarif_describes_every_rule() -> None:
    run = sarif(finding())
    rules = run["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == set(RULES)
    assert rules[run["results"][0]["ruleIndex"]]["id"] == "not-text"
    assert all(0 < len(rule["shortDescription"]["text"]) <= 255 for rule in rules)
    assert all(len(rule["fullDescription"]["text"]) <= 1024 for rule in rules)


def test_a_finding_in_sarif_is_known_again_when_lines_are_added_above_it() -> None:
    def fingerprints(*findings: Finding) -> list[str]:
        return [result["partialFingerprints"]["arborist/v1"] for result in sarif(*findings)["results"]]

    assert fingerprints(finding(line=3)) == fingerprints(finding(line=30))
    assert len(set(fingerprints(finding(line=3), finding(line=5), finding(path="taxonomy/b/qna.yaml")))) == 3


def test_sarif_holds_whatever_a_path_or_a_message_is_made_of() -> None:
    hostile = "a b%0A\n\x00é\udce9🦉'\"<>\\"
    [result] = sarif(finding(path=hostile, message=hostile * 1000, rule="instructlab-yaml"))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii() and " " not in uri and "\n" not in uri
    assert len(result["message"]["text"]) <= 1024


def test_the_terminal_shows_the_first_of_many_that_are_alike_and_where_the_others_are() -> None:
    text = shown("terminal", *(finding(line=line) for line in range(1, 101)), finding(rule="html"))
    assert text.count("--> taxonomy/a/qna.yaml") == 7
    assert "error[not-text]: more of these in taxonomy/a/qna.yaml, at 7:5, 8:5, 9:5," in text
    assert "56:5 and 44 more places\n" in text
    assert "101 errors" in text
