"""Documents: patterns stay in their folder, repositories are public https at a full SHA."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from bot.taxonomy.documents import (
    DocumentError,
    check_source,
    match_pattern,
    matches,
    read_documents,
)
from bot.taxonomy.fetch import Access, fetch_repository
from bot.taxonomy.files import DiskFiles, Entry, GitFiles
from bot.taxonomy.leaf import DocumentSource

ROOT = Path(__file__).parent
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("a.md", "a.md", True),
        ("*.md", "a.md", True),
        ("*.md", "b/a.md", False),
        ("b/*.md", "b/a.md", True),
        ("**/*.md", "a.md", True),
        ("**/*.md", "c/b/a.md", True),
        ("**", "c/b/a.md", True),
        ("?.md", "a.md", True),
        ("*.md", "a.txt", False),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    assert matches(path, pattern) is fits


@pytest.mark.parametrize("pattern", ["../a.md", "a/../../b.md", "/etc/passwd", "~/a.md"])
def test_a_pattern_that_leads_out(pattern: str) -> None:
    with pytest.raises(DocumentError, match="leads out of the folder"):
        match_pattern(["a.md"], pattern)


@pytest.mark.parametrize("pattern", ["*.*", "*.txt", "**", "**/*"])
def test_the_files_of_a_leaf_that_are_no_documents_are_left_out(pattern: str) -> None:
    names = ["attribution.txt", "exam.yaml", "oru.txt", "qna.yaml", "README.txt", "LICENSE.txt"]
    assert match_pattern(names, pattern) == {"oru.txt"}


def test_a_readme_is_a_document_where_it_is_named() -> None:
    assert match_pattern(["README.md", "oru.md"], "README.md") == {"README.md"}


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("attribution.txt", "matches only 'attribution.txt', which is no document", "add the document"),
        ("*.yaml", "matches only 'qna.yaml', which is no document", "add the document"),
        ("READ*.md", "matches only 'README.md', which is no document", "name README.md if it is meant"),
        ("./oru.md", "no file matches", "leave ./ out: write oru.md"),
        ("a/./oru.md", "no file matches", "leave ./ out: write a/oru.md"),
        ("docs\\oru.md", "has a \\", "write / for \\"),
        ("..\\oru.md", "has a \\", "write / for \\"),
        ("oru.mkd", "no file matches", "check the name, and that the file exists"),
    ],
)
def test_a_pattern_that_matches_no_document(pattern: str, message: str, hint: str) -> None:
    with pytest.raises(DocumentError) as caught:
        match_pattern(["README.md", "attribution.txt", "oru.md", "qna.yaml"], pattern)
    assert message in str(caught.value)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("oru.markdown", "rename it to .md"),
        ("oru.MKD", "rename it to .md"),
        ("oru.text", "rename it to .txt"),
        ("oru.xhtml", "rename it to .html"),
        ("oru.odt", "convert the document to Markdown"),
    ],
)
def test_a_document_under_another_suffix(tmp_path: Path, name: str, hint: str) -> None:
    (tmp_path / name).write_text("Oru is an island.")
    with pytest.raises(DocumentError, match=r"is not a \.md") as caught:
        read_documents(DiskFiles(tmp_path), "", DocumentSource(".", "HEAD", (name,)))
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("git@github.com:org/name.git", "write https://github.com/org/name.git"),
        ("ssh://git@host.org/a/b", "write https://host.org/a/b.git"),
        ("http://gitlab.com/org/name", "write https://gitlab.com/org/name.git"),
        ("github.com/org/name", "write https://github.com/org/name.git"),
        ("nonsense", "write https://host/owner/name.git, or . for files in the leaf's folder"),
    ],
)
def test_a_wrong_address_is_told_with_the_right_one(url: str, hint: str) -> None:
    with pytest.raises(DocumentError) as caught:
        check_source(DocumentSource(url, SHA, ("*.md",)))
    assert (caught.value.part, caught.value.hint) == ("repo", hint)


def test_a_pattern_made_to_take_for_ever_is_refused() -> None:
    with pytest.raises(DocumentError, match="too long"):
        match_pattern(["a" * 100 + ".md"], "*a" * 50)


def test_documents_are_read_by_name_from_disk_and_commit_alike(repository: Any) -> None:
    repository.write("knowledge/x/docs/b.md", "B\r\n")
    repository.write("knowledge/x/a.txt", "\ufeffA")
    repository.write("knowledge/xy/c.md", "another leaf's")
    source = DocumentSource(".", "HEAD", ("**/*.md", "*.txt"))
    read = read_documents(DiskFiles(repository.root), "knowledge/x", source)
    assert [(document.name, document.text) for document in read] == [("a.txt", "A"), ("docs/b.md", "B\n")]
    with GitFiles(repository.path, repository.commit()) as files:
        assert read_documents(files, "knowledge/x", source) == read


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.odt", b"PK", r"not a \.md, .*\.pdf file"),
        ("a.pdf", b"%PDF", "contains no text|not a valid PDF"),
        ("a.docx", b"PK", "not a valid DOCX"),
        ("a.md", b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8 text"),
        ("a.md", b"\xff\xfe", "not UTF-8 text"),
        ("a.md", b"a\0b", "contains no text"),
        ("a.md", b" \n", "contains no text"),
        ("a.md", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("a.md", b"x" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_a_document_that_cannot_be_used(repository: Any, name: str, content: bytes, why: str) -> None:
    (repository.root / "knowledge/x").mkdir()
    (repository.root / "knowledge/x" / name).write_bytes(content)
    with pytest.raises(DocumentError, match=why):
        read_documents(DiskFiles(repository.root), "knowledge/x", DocumentSource(".", "HEAD", ("*",)))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc", "ssh://git@host/x", "git@github.com:org/x.git", "ext::sh -c id", "-oProxyCommand=id",
        "http://github.com/org/x", "https://user:secret@github.com/org/x", "https://github.com:8443/x", "https://",
        "https://github.com/x y", "https://github.com/x\n", "https://[::1", "../elsewhere", "",
    ],
)  # fmt: skip
def test_a_repository_that_is_never_asked(url: str) -> None:
    with pytest.raises(DocumentError, match="not the https URL") as caught:
        fetch_repository(url, SHA)
    assert caught.value.part == "repo"


@pytest.mark.parametrize("commit", ["main", "HEAD", SHA[:7], SHA.upper(), f"{SHA}\n", "--upload-pack=id"])
def test_a_commit_that_may_move(commit: str) -> None:
    with pytest.raises(DocumentError, match="full SHA") as caught:
        check_source(DocumentSource("https://github.com/org/x", commit, ("*.md",)))
    assert caught.value.part == "commit"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "::1", "fd00::1", "::ffff:127.0.0.1"],
)
def test_a_host_on_this_machine_or_a_private_network_is_never_asked(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_: [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    )
    with pytest.raises(DocumentError, match="not a public host"):
        fetch_repository("https://documents.example/x.git", SHA)


def test_a_fetched_commit_is_read_from_the_cache(
    repository: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    repository.write("../docs/island.md", "An island.")
    sha = repository.commit()
    url = f"file://{repository.path}"
    access = Access(trusted=(url,))
    fetch_repository(url, sha, access)
    repository.path.rename(tmp_path / "gone")
    repository.root = tmp_path / "gone/taxonomy"
    source = DocumentSource(url, sha, ("docs/*.md",))
    read = read_documents(DiskFiles(repository.root), "knowledge/x", source, access)
    assert [(document.name, document.text) for document in read] == [("docs/island.md", "An island.")]
    assert read_documents(DiskFiles(repository.root), "knowledge/x", source, None) == (), "nothing is fetched"


@pytest.mark.parametrize(
    "url",
    [
        "file:///srv/documents.evil/x",
        "file:///srv/documents/../secret",
        "file:///srv/other",
        "https://127.0.0.1/x",
    ],
)
def test_only_what_the_recipe_trusts_is_trusted(
    url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path))
    with pytest.raises(DocumentError, match=r"not the https URL|not a public host"):
        fetch_repository(url, SHA, Access(trusted=("file:///srv/documents",)))


def test_a_cached_commit_is_given_to_nobody_who_names_another_repository(
    repository: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    url, sha = f"file://{repository.path}", repository.commit()
    fetch_repository(url, sha, Access(trusted=(url,)))
    with pytest.raises(DocumentError, match="cannot be found"):
        fetch_repository("https://documents.invalid/x.git", sha)


@pytest.mark.parametrize("pattern", ["**", "**/*.md"])
def test_a_pattern_that_matches_a_hundred_thousand_files(pattern: str) -> None:
    class Many(DiskFiles):
        entries = {f"x/{n}.md": Entry(f"x/{n}.md", "file", 1) for n in range(100_000)}  # noqa: RUF012

    started = time.monotonic()
    with pytest.raises(DocumentError, match="over 200 files"):
        read_documents(Many(ROOT), "x", DocumentSource(".", "HEAD", (pattern,)))
    assert time.monotonic() - started < 15


def test_what_in_a_repository_is_no_file_is_no_document(repository: Any) -> None:
    for name, target in (("passwd.md", "/etc/passwd"), ("up.md", "../../secret.md"), ("self.md", "self.md")):
        (repository.path / name).symlink_to(target)
    sha = repository.commit()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{sha},module.md")
    repository.git("commit", "-qm", "a submodule")
    with GitFiles(repository.path, repository.git("rev-parse", "HEAD"), "") as files:
        for name in ("passwd.md", "up.md", "self.md"):
            with pytest.raises(DocumentError, match="is a symbolic link"):
                read_documents(files, "", DocumentSource(".", "HEAD", (name,)))
        with pytest.raises(DocumentError, match="is a submodule"):
            read_documents(files, "", DocumentSource(".", "HEAD", ("module.md",)))
