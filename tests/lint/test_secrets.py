"""A secret in any file of a leaf is told at its place, with what to do, and is never repeated."""

from typing import Any

import pytest

from bot.lint import tree_files
from bot.lint.profiles.instructlab import lint_as_instructlab
from bot.lint.reporters import REPORTERS
from bot.text.safety import mask_secrets, secrets
from tests.helpers.lint_tree import ATTRIBUTION, KNOWLEDGE

QNA, EXAM = f"{KNOWLEDGE}/qna.yaml", f"{KNOWLEDGE}/exam.yaml"
TOKEN = f"ghp_{'a1B2' * 9}"
SHA = "8bd9220c616afe24b9673d94ec1adce85320809c"
PRIVATE = f"repo: .\n  commit: HEAD|repo: https://{{}}@github.com/org/private.git\n  commit: {SHA}"
WITHDRAW = "withdraw it where it was issued"


def nothing_repeats(report: Any, secret: str) -> None:
    """No format of the report holds the secret, or its first half."""
    for render in REPORTERS.values():
        assert secret[: len(secret) // 2] not in render(report)
    assert all(secret not in str(finding) for finding in report.findings)


@pytest.mark.parametrize(
    "login",
    [TOKEN, f"x-access-token:{TOKEN}", "keeper:Gr8lamp99", "0123456789abcdef0123456789abcdef01234567"],
)
def test_a_token_in_the_documents_address(tree: Any, login: str) -> None:
    old, new = PRIVATE.split("|")
    tree.replace(QNA, old, new.format(login))
    report = tree.lint()
    found = {(finding.rule, finding.line) for finding in report.findings}
    assert found == {("secret", 7)}
    nothing_repeats(report, login)
    for words in (WITHDRAW, "write the address without it", "`documents.private`", "DOCUMENTS_TOKEN"):
        assert words in report.findings[0].help


def test_the_rest_of_an_address_with_a_token_is_checked_too(tree: Any) -> None:
    tree.replace(QNA, "repo: .\n  commit: HEAD", f"repo: https://{TOKEN}@github.com/org\n  commit: main")
    assert sorted(tree.rules()) == ["document-source", "document-source", "secret"]
    nothing_repeats(tree.lint(), TOKEN)


@pytest.mark.parametrize(
    ("path", "old", "new", "line"),
    [
        (QNA, "domain: geography", f"domain: geography  # my token is {TOKEN}", 4),
        (QNA, "answer: First Oru is", f"answer: {TOKEN} First Oru is", 15),
        (QNA, "domain: geography", f"{TOKEN}: 1\ndomain: geography", 4),
        (EXAM, "[Grey]", f"[Grey, {TOKEN}]", 4),
        (f"{KNOWLEDGE}/attribution.txt", "to work: oru.md", f"to work: https://{TOKEN}@github.com/o/r", 2),
        (f"{KNOWLEDGE}/attribution.txt", "CC-BY-4.0", TOKEN, 3),
        (f"{KNOWLEDGE}/oru.md", "They grow", f"{TOKEN} They grow", 4),
        (QNA, "answer: First They grow", f'answer: "{TOKEN.replace("ghp", "gh" + chr(92) + "x70")}"  # ', 39),
    ],
    ids=["comment", "answer", "key", "exam", "link", "licence", "document", "escaped"],
)
def test_a_token_anywhere_else(tree: Any, path: str, old: str, new: str, line: int) -> None:
    tree.replace(path, old, new)
    report = tree.lint()
    (finding,) = [finding for finding in report.findings if finding.rule == "secret"]
    assert "a1B2" not in finding.source
    assert (finding.path, finding.line) == (f"taxonomy/{path}", line)
    assert WITHDRAW in finding.help
    nothing_repeats(report, TOKEN)


def test_a_fix_that_would_repeat_a_secret_is_not_offered(tree: Any) -> None:
    tree.write(f"{KNOWLEDGE}/attribution.txt", ATTRIBUTION.replace("CC-BY-4.0", f"CC BY 4.0 {TOKEN}"))
    tree.replace(QNA, "version: 3", f'version: "3"  # {TOKEN}')
    report = tree.lint()
    assert all(finding.fixed_line is None and finding.fix is None for finding in report.findings)
    nothing_repeats(report, TOKEN)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"see {TOKEN}", "a GitHub token"),
        ("see glpat-abcdefghij0123456789", "a GitLab token"),
        ("see https://keeper:Gr8lamp99@git.oru.org/x", "a password in a web address"),
        ("see https://oru.org/feed?access_token=abcdefgh12345678", "a token in a web address"),
    ],
)
def test_what_is_a_secret(text: str, what: str) -> None:
    assert what in [found for found, _ in secrets(text)]
    assert mask_secrets(text).endswith("***") or "***@" in mask_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://user:password@example.com/x explains addresses",
        "https://$USER:$TOKEN@github.com/org/name",
        "https://git@github.com/org/name.git",
        "https://oru.org:8443/a?page=2",
        "https://medium.com/@keeper",
        "a task-oriented, risk-averse keeper",
        "https://oru.org/search?key=lighthouse",
    ],
)
def test_what_is_none(text: str) -> None:
    assert list(secrets(text)) == []


@pytest.mark.parametrize("end", range(len("https://") + 8, 60))
def test_a_secret_that_was_cut_off_is_masked_too(end: int) -> None:
    for text in (f"https://keeper:{TOKEN}@github.com", f"the token {TOKEN}"):
        assert "a1B2" not in mask_secrets(text[:end])


def test_the_profile_of_instructlab_repeats_none_either(tree: Any) -> None:
    tree.write(QNA, f"version: 3\ndomain: [{TOKEN}]\n{TOKEN}: 1  \n")
    report = lint_as_instructlab(tree_files(tree.root), 0)
    assert report.findings
    nothing_repeats(report, TOKEN)
