"""A document's address that is no repository is told without the network, with the address to write."""

from typing import Any

import pytest

from tests.helpers.lint_tree import KNOWLEDGE

QNA = f"{KNOWLEDGE}/qna.yaml"
SHA = "8bd9220c616afe24b9673d94ec1adce85320809c"


def lint_with(tree: Any, url: str, commit: str = SHA) -> list[Any]:
    tree.replace(QNA, "repo: .\n  commit: HEAD", f"repo: {url}\n  commit: {commit}")
    return list(tree.lint().findings)


@pytest.mark.parametrize(
    ("url", "message", "hint"),
    [
        (
            "https://github.com/lab/docs/tree/main/islands",
            "shows a folder in the browser",
            "write repo: https://github.com/lab/docs.git, and the full SHA of a commit as commit; "
            "name islands/*.md in `patterns`",
        ),
        ("https://github.com/lab/docs/tree/main", "shows a folder", "https://github.com/lab/docs.git"),
        ("https://github.com/lab/docs/blob/main/a/tamm.md", "shows a file", "name a/tamm.md in `patterns`"),
        ("https://github.com/lab", "names the owner 'lab', not a repository", "https://host/owner/name.git"),
        ("https://github.com/", "names the host github.com", "add the repository's name"),
        (
            "https://raw.githubusercontent.com/lab/docs/main/tamm.md",
            "is a single file",
            "write repo: https://github.com/lab/docs.git, and name tamm.md in `patterns`",
        ),
        ("https://github.com/lab/docs/wiki/Tamm", "is a wiki page", "in the leaf's folder and write repo: ."),
        ("https://en.wikipedia.org/wiki/Tamm", "is a web page", "name the page in attribution.txt"),
        ("https://www.w3.org/TR/WCAG21/", "is a web page", "save the text as Markdown"),
        ("https://museum.example/tamm.html", "is a web page or a file", "save the text as Markdown"),
        ("https://museum.example/", "is a web page or a file", "save the text as Markdown"),
        ("https://github.com/lab/docs/pull/4", "is a page of", "write repo: https://github.com/lab/docs.git"),
        ("https://gitlab.com/lab/sub/docs/-/tree/main/a", "a folder", "https://gitlab.com/lab/sub/docs.git"),
        ("https://codeberg.org/lab/docs/src/branch/main/tamm.md", "shows a file", "name tamm.md in"),
        ("https://huggingface.co/datasets/lab/docs/blob/main/a.md", "a file", "co/datasets/lab/docs.git"),
    ],
)
def test_a_page_is_told_from_a_repository_by_its_address(
    tree: Any, url: str, message: str, hint: str
) -> None:
    (finding,) = lint_with(tree, url)
    assert (finding.rule, finding.severity, finding.line, finding.column) == (
        "document-source",
        "error",
        7,
        9,
    )
    assert message in finding.message
    assert hint in finding.help


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/lab/docs",
        "https://github.com/lab/docs/",
        "https://github.com/lab/docs.wiki.git",
        "https://gitlab.com/lab/sub/group/docs.git",
        "https://git.kernel.org/pub/scm/git/git.git",
        "https://dev.azure.com/lab/islands/_git/docs",
        "https://huggingface.co/datasets/lab/docs",
        "https://gist.github.com/lab/0123456789abcdef",
    ],
)
def test_a_repository_of_any_host_is_none(tree: Any, url: str) -> None:
    assert lint_with(tree, url) == []


def test_a_branch_in_the_address_and_as_the_commit_are_both_told(tree: Any) -> None:
    found = lint_with(tree, "https://github.com/lab/docs/tree/main", commit="main")
    assert [(one.rule, one.line) for one in found] == [("document-source", 7), ("document-source", 8)]
