"""What the bot reads of an issue that asks for a draft, and which files it downloads for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import UserError
from bot.github import draft_request
from bot.github.draft_request import DraftRequest
from localworld.github.attachments import attach
from tests.helpers.draft_form import EMPTY, form_body

WORK = {
    "title": "Birds of Corran",
    "link": "https://birds.example/corran",
    "license": "CC-BY-4.0",
    "creators": "Ada Finch",
}


def issue(body: str | None) -> dict[str, Any]:
    return {"number": 7, "user": {"login": "wrenna", "id": 4711}, "body": body}


def read(document: str, **answers: str) -> DraftRequest:
    return DraftRequest.read(issue(form_body(document, **answers)))


def test_each_field_is_read_and_an_empty_one_is_blank() -> None:
    found = read("The swift nests in towers.", **WORK)
    assert (found.number, found.author, found.author_id) == (7, "wrenna", 4711)
    assert {name: getattr(found, name) for name in WORK} == WORK
    assert found.folder == ""
    assert found.document == "The swift nests in towers."
    assert found.source.attribution == (
        "Title of work: Birds of Corran\nLink to work: https://birds.example/corran\nRevision:\n"
        "License of the work: CC-BY-4.0\nCreator names: Ada Finch\n"
    )


def test_the_document_may_have_headings_even_those_of_the_form() -> None:
    text = "### Nests\n\nIn towers.\n\n### License of the work\n\nGPL\n\n### The document\n\nMore."
    found = read(text, **WORK)
    assert found.document == text
    assert found.license == "CC-BY-4.0"


def test_line_ends_of_windows_are_read() -> None:
    assert DraftRequest.read(issue(form_body("Text.", **WORK).replace("\n", "\r\n"))).title == WORK["title"]


@pytest.mark.parametrize(
    "body", [None, "", "Please teach birds.", "### Document\n\nText", "## The document\n\nx"]
)
def test_another_issue_is_refused_with_the_form_named(body: str | None) -> None:
    with pytest.raises(UserError, match=r"was not made from the form.*teach\.yml"):
        DraftRequest.read(issue(body))


@pytest.mark.parametrize("document", ["", "  \n", EMPTY])
def test_a_request_without_a_document_is_refused(document: str) -> None:
    with pytest.raises(UserError, match="is empty"):
        read(document, **WORK)


@pytest.mark.parametrize(
    ("answers", "leaf"),
    [
        ({"title": "Birds of Corran", "folder": "science/birds/swift"}, "science/birds/swift"),
        ({"title": "Birds of Corran!"}, "knowledge/drafts/birds_of_corran"),
        ({"title": "../../.github"}, "knowledge/drafts/github"),
        ({"title": "鳥"}, "knowledge/drafts/issue_7"),
        ({}, "knowledge/drafts/issue_7"),
    ],
)
def test_the_leaf_lies_where_the_author_says_or_is_named_after_the_work(
    answers: dict[str, str], leaf: str
) -> None:
    assert read("Text.", **answers).leaf == leaf


def test_pasted_text_becomes_a_markdown_file(tmp_path: Path) -> None:
    file = read("# Swifts\n\nThey nest in towers.").save(tmp_path)
    assert (file.name, file.read_text()) == ("document.md", "# Swifts\n\nThey nest in towers.\n")


@pytest.fixture
def attached(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], str]:
    """attached(name, content): a link to a file that somebody dragged into an issue."""
    monkeypatch.setenv("GITHUB_SERVER_URL", lab.url)
    return lambda name, content: f"[{name}]({attach(lab.github, name, content)})"


def test_an_attached_file_is_downloaded(attached: Callable[[str, bytes], str], tmp_path: Path) -> None:
    link = attached("Birds-of.Corran.PDF", b"%PDF-1.7 birds")
    file = read(f"Here it is: {link}\n\nThank you!").save(tmp_path)
    assert (file.name, file.read_bytes()) == ("Birds_of_Corran.pdf", b"%PDF-1.7 birds")


def test_only_what_is_attached_is_downloaded(
    attached: Callable[[str, bytes], str], tmp_path: Path, lab: Any
) -> None:
    elsewhere = (
        f"[a.pdf](http://169.254.169.254/latest/a.pdf) [b.md]({lab.url}/lab/taxonomy/raw/main/b.md) "
        f"[c.md]({lab.url}.evil.example/user-attachments/files/1/c.md) "
        f"[d.md]({lab.url}/user-attachments/files/1/../../d.md)"
    )
    file = read(elsewhere).save(tmp_path)
    assert (file.name, file.read_text().strip()) == ("document.md", elsewhere)


def test_what_cannot_be_used_is_said_in_one_line(
    attached: Callable[[str, bytes], str], tmp_path: Path, lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = attached("one.md", b"text")
    gone = one.replace("/files/", "/files/9")
    monkeypatch.setattr(draft_request, "MAX_DOCUMENT_BYTES", 1_000_000)
    large = attached("large.txt", b"x" * 1_000_001)
    for document, wanted in {
        f"{one} {attached('two.md', b'text')}": "2 files are attached",
        attached("birds.zip", b"PK"): "the attached file is no .md",
        gone: "paste the document's text instead",
        large: "larger than 1 MB",
    }.items():
        with pytest.raises(UserError, match=wanted) as refused:
            read(document).save(tmp_path)
        assert "\n" not in str(refused.value)


def test_a_server_that_is_down_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"cannot be downloaded: GitHub cannot be reached .*; try again"):
        read("[a.md](http://127.0.0.1:9/user-attachments/files/1/a.md)").save(tmp_path)
