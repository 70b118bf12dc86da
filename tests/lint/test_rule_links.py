"""Rule names lead to their documentation, wherever a format can hold a link."""

import json
import sys

import pytest

from bot.lint.findings import Finding, Severity
from bot.lint.report import Report
from bot.lint.reporters import REPORTERS, markdown, sarif, terminal
from bot.lint.rule_links import rule_link, web_address

PAGE = "https://github.com/org/arborist/blob/abc/docs/rules.md"
FOUND = Finding("taxonomy/a/qna.yaml", 3, 5, "not-text", Severity.ERROR, "7 is a number")


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/org/arborist", "https://github.com/org/arborist"),
        ("https://github.com/org/arborist.git", "https://github.com/org/arborist"),
        ("https://x-access-token:ghp_secret@github.com/org/arborist.git", "https://github.com/org/arborist"),
        ("git@github.com:org/arborist.git", "https://github.com/org/arborist"),
        ("ssh://git@gitlab.example/org/sub/arborist/", "https://gitlab.example/org/sub/arborist"),
        ("http://127.0.0.1:8000/lab/taxonomy", "http://127.0.0.1:8000/lab/taxonomy"),
        ("/srv/git/arborist.git", ""),
        ("file:///srv/arborist", ""),
        ("https://github.com/org/a b](javascript:x)", ""),
        ("", ""),
    ],
)
def test_the_address_of_the_code_comes_from_its_remote(remote: str, address: str) -> None:
    assert web_address(remote) == address


def test_the_comment_links_the_rule() -> None:
    assert f"<sub>[not&#45;text]({PAGE}#not-text)</sub>" in markdown.render([FOUND], rules=PAGE)
    assert "](" not in markdown.render([FOUND])


@pytest.mark.parametrize("name", ["x](https://evil.example)", "a b", "<b>", "", "not-text\n"])
def test_a_name_that_is_no_rules_gets_no_link(name: str) -> None:
    assert rule_link(name, PAGE) == ""


def test_sarif_names_the_page_of_each_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "rules_page", lambda: PAGE)
    log = json.loads(REPORTERS["sarif"](Report("taxonomy", [FOUND], ())))
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert {rule["helpUri"] for rule in rules} == {f"{PAGE}#{rule['id']}" for rule in rules}


@pytest.mark.parametrize("tty", [True, False])
def test_only_a_terminal_gets_links(monkeypatch: pytest.MonkeyPatch, tty: bool) -> None:
    monkeypatch.setattr(terminal, "rules_page", lambda: PAGE)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: tty)
    text = REPORTERS["terminal"](Report("taxonomy", [FOUND], ()))
    assert (f"\x1b]8;;{PAGE}#not-text\x1b\\" in text) is tty
    assert ("error[not-text]: 7 is a number" in text) is not tty
