"""Fetching one commit from a git server over https, which runs here with a certificate of its own."""

import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bot.taxonomy import fetch
from bot.taxonomy.documents import read_documents
from bot.taxonomy.fetch import Access, DocumentError, fetch_commit, fetch_repository
from bot.taxonomy.files import DiskFiles, GitFiles
from bot.taxonomy.leaf import DocumentSource
from tests.helpers.git_server import TOKEN, GitServer, server

__all__ = ["server"]


def test_one_commit_is_fetched_and_read(repository: Any, server: str, tmp_path: Path) -> None:
    old = repository.git("rev-parse", "HEAD")
    (repository.path / "island.md").write_text("An island.")
    sha = repository.commit()
    (tmp_path / "copy").mkdir()
    fetch_commit(f"{server}/documents/.git", sha, tmp_path / "copy")
    with GitFiles(tmp_path / "copy", sha, "") as files:
        assert files.read("island.md", 100) == b"An island."
    have = ["git", "-C", str(tmp_path / "copy"), "cat-file", "-e", old]
    assert subprocess.run(have, capture_output=True).returncode != 0, "only the one commit"


@pytest.mark.parametrize(
    ("path", "commit"), [("documents/.git", "f" * 40), ("nowhere.git", "f" * 40), ("moved/.git", None)]
)
def test_what_the_server_does_not_give(
    repository: Any, server: str, tmp_path: Path, path: str, commit: str | None
) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(DocumentError, match=r"git (fetch|cat-file): "):
        fetch_commit(f"{server}/{path}", commit or repository.git("rev-parse", "HEAD"), tmp_path / "copy")


@pytest.mark.parametrize(
    "url", ["file:///etc", "ext::sh -c 'touch owned'", "ssh://127.0.0.1/x", "http://127.0.0.1/x"]
)
def test_git_itself_is_told_https_only(url: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"transport '.*' not allowed"):
        fetch_commit(url, "f" * 40, tmp_path)
    assert not (tmp_path / "owned").exists()


def test_a_private_repository_is_fetched_with_the_token(
    repository: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCUMENTS_TOKEN", TOKEN.decode())
    sha = repository.commit()
    access = Access(private=(f"{server}/private",), trusted=(server,))
    place = fetch_repository(f"{server}/private/.git", sha, access)
    with GitFiles(place, sha, "") as files:
        assert files.entries
    kept = subprocess.run(["grep", "-rlaF", TOKEN.decode(), str(tmp_path / "cache")], capture_output=True)
    assert kept.stdout == b"", "the token is in no file"


@pytest.mark.parametrize("token", ["", "another-secret"])
def test_a_private_repository_without_its_token(
    repository: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("DOCUMENTS_TOKEN", token)
    url = f"{server}/private/.git"
    with pytest.raises(
        DocumentError, match=r"DOCUMENTS_TOKEN is not set|could not read Username|401"
    ) as caught:
        fetch_commit(url, repository.commit(), tmp_path, Access(private=(url,), trusted=(server,)))
    assert not token or token not in str(caught.value)


def test_the_token_goes_to_no_other_repository(
    repository: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    answer = GitServer.do_GET
    monkeypatch.setenv("DOCUMENTS_TOKEN", TOKEN.decode())
    monkeypatch.setattr(
        GitServer, "do_GET", lambda self: (seen.append(self.headers.get("Authorization")), answer(self))
    )
    access = Access(private=(f"{server}/private",), trusted=(server,))
    fetch_commit(f"{server}/documents/.git", repository.commit(), tmp_path, access)
    assert seen and not any(seen)


def test_a_slow_server_is_given_up(
    repository: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "FETCH_TIMEOUT_S", 1)
    with pytest.raises(DocumentError, match="did not answer in 1 s"):
        fetch_commit(f"{server}/slow/.git", "f" * 40, tmp_path)


def test_a_repository_that_is_too_large_is_given_up_and_leaves_nothing(
    repository: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetch, "MAX_PACK_BYTES", 1_000_000)
    (repository.path / "large.md").write_bytes(os.urandom(5_000_000))
    with pytest.raises(DocumentError, match="git fetch"):
        fetch_repository(f"{server}/documents/.git", repository.commit(), Access(trusted=(server,)))
    assert list((tmp_path / "cache/documents").iterdir()) == []


def test_a_commit_that_is_none(repository: Any, server: str, tmp_path: Path) -> None:
    tree = repository.git("rev-parse", "HEAD^{tree}")
    with pytest.raises(DocumentError, match=r"git (fetch|cat-file): "):
        fetch_commit(f"{server}/documents/.git", tree, tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It hums.\n\nIt says <|im_end|> there.", "evil.md:3:9 contains a token of a chat template"),
        (f"It hums.\nIts key is ghp_{'a1' * 18}.", "evil.md:2:12 contains a GitHub token"),
        ("It hums \u202eevil\u202c.", "evil.md:1:9 contains an invisible character"),
    ],
)
def test_a_document_that_lint_cannot_see_is_checked_where_it_is_read(
    repository: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    (repository.path / "evil.md").write_text(text)
    (repository.path / "good.md").write_text("It hums.")
    sha, url = repository.commit(), f"{server}/documents/.git"
    files, access = DiskFiles(repository.path), Access(trusted=(server,))
    assert read_documents(files, "", DocumentSource(url, sha, ("good.md",)), access)
    with pytest.raises(DocumentError) as caught:
        read_documents(files, "", DocumentSource(url, sha, ("*.md",)), access)
    assert str(caught.value) == told


def test_hooks_in_a_repository_are_never_run(repository: Any, server: str, tmp_path: Path) -> None:
    for name in ("post-checkout", "reference-transaction", "post-merge"):
        hook = repository.path / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/owned\n")
        hook.chmod(0o755)
    sha = repository.commit()
    (tmp_path / "copy").mkdir()
    fetch_commit(f"{server}/documents/.git", sha, tmp_path / "copy")
    with GitFiles(tmp_path / "copy", sha, "") as files:
        assert "hooks/post-checkout" in files.entries
        assert files.read("hooks/post-checkout", 1000).startswith(b"#!")
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "copy/hooks").exists()


def test_a_repository_with_submodules_and_large_files_is_fetched_without_them(
    repository: Any, server: str, tmp_path: Path
) -> None:
    (repository.path / ".gitmodules").write_text(
        '[submodule "m"]\n\tpath = m\n\turl = https://127.0.0.1:1/m\n'
    )
    (repository.path / ".gitattributes").write_text("*.md filter=lfs diff=lfs merge=lfs -text\n")
    (repository.path / "large.md").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    sha = repository.commit()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{sha},m")
    repository.git("commit", "-qm", "a submodule")
    sha = repository.git("rev-parse", "HEAD")
    (tmp_path / "copy").mkdir()
    fetch_commit(f"{server}/documents/.git", sha, tmp_path / "copy")
    with GitFiles(tmp_path / "copy", sha, "") as files:
        assert files.entries["m"].kind == "submodule"
        with pytest.raises(DocumentError, match="a Git LFS pointer"):
            read_documents(files, "", DocumentSource(".", sha, ("large.md",)))


class _Moved(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/users/sign_in")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("org/name", "write it with .git: {}/org/name.git"),
        ("org/name/", "write it with .git: {}/org/name.git"),
        ("org/name.git", "write the repository's present address, ending in .git"),
    ],
)
def test_an_address_that_is_redirected_is_told_with_the_right_one(
    tmp_path: Path, path: str, hint: str
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Moved) as moved:
        Thread(target=moved.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{moved.server_port}"
        with pytest.raises(DocumentError, match="302") as caught:
            fetch_commit(f"{base}/{path}", "f" * 40, tmp_path, Access(trusted=(base,)))
        moved.shutdown()
    assert caught.value.hint.endswith(hint.format(base))
