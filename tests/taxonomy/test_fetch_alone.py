"""A git that speaks to a server takes nothing of this machine along; private copies stay private."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import UserError
from bot.github.gpu_commands import fetch_pull
from bot.taxonomy import fetch
from bot.taxonomy.fetch import Access, DocumentError, fetch_repository
from tests.helpers.git_server import TOKEN, GitServer, server

__all__ = ["server"]


@pytest.fixture
def authorizations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that the server was sent."""
    seen: list[str] = []
    answer = GitServer.do_GET

    def noted(self: GitServer) -> None:
        if self.headers.get("Authorization"):
            seen.append(self.headers["Authorization"])
        answer(self)

    monkeypatch.setattr(GitServer, "do_GET", noted)
    monkeypatch.setattr(GitServer, "do_POST", noted)
    return seen


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> Path:
    """A user with passwords and settings for every server, as a person's machine has them."""
    home = tmp_path / "home"
    (home / ".config/git").mkdir(parents=True)
    (home / ".netrc").write_text("machine 127.0.0.1 login ann password netrc-secret\n")
    (home / ".netrc").chmod(0o600)
    (home / "askpass").write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\necho asked-secret\n")
    (home / "askpass").chmod(0o755)
    settings = (
        f"[credential]\n\thelper = !{home}/askpass\n[core]\n\taskPass = {home}/askpass\n"
        f'[url "{server}/private/"]\n\tinsteadOf = {server}/documents/\n'
        "[http]\n\textraHeader = Authorization: Basic global-secret\n"
    )
    for file in (".gitconfig", ".config/git/config"):
        (home / file).write_text(settings)
    for name in ("HOME", "GIT_ASKPASS", "SSH_ASKPASS", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home / {"HOME": "", "XDG_CONFIG_HOME": ".config"}.get(name, "askpass")))
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    return home


def test_a_document_server_is_sent_nothing_of_this_machine(
    repository: Any, server: str, home: Path, authorizations: list[str], tmp_path: Path
) -> None:
    sha, access = repository.commit(), Access(trusted=(server,))
    assert fetch_repository(f"{server}/documents/.git", sha, access).is_dir()
    with pytest.raises(DocumentError, match="could not read Username"):
        fetch_repository(f"{server}/private/.git", sha, access)
    assert authorizations == []
    assert not (tmp_path / "asked").exists()


def test_a_pull_request_is_fetched_without_this_machine_s_passwords(
    repository: Any, server: str, home: Path, authorizations: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sha = repository.commit()
    repository.git("update-ref", "refs/pull/7/head", sha)
    for name, value in {"GITHUB_SERVER_URL": "https://github.invalid", "GITHUB_TOKEN": "the-job-s"}.items():
        monkeypatch.setenv(name, value)
    checkout = tmp_path / "checkout"
    environment = {**os.environ, "HOME": "/", "GIT_CONFIG_GLOBAL": "/dev/null"}
    subprocess.run(["git", "init", "-q", str(checkout)], check=True, env=environment)
    origin = ["git", "-C", str(checkout), "remote", "add", "origin", f"{server}/documents/.git"]
    subprocess.run(origin, check=True, env=environment)
    fetch_pull(checkout, 7, sha)
    subprocess.run([*origin[:4], "set-url", "origin", f"{server}/private/.git"], check=True, env=environment)
    with pytest.raises(UserError, match="cannot be fetched"):
        fetch_pull(checkout, 7, sha)
    assert authorizations == []
    assert not (tmp_path / "asked").exists()


def test_a_private_copy_is_served_only_while_the_server_grants_it(
    repository: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCUMENTS_TOKEN", TOKEN.decode())
    sha, url = repository.commit(), f"{server}/private/.git"
    opened = Access(private=(f"{server}/private",), trusted=(server,))
    place = fetch_repository(url, sha, opened)
    assert fetch_repository(url, sha, opened) == place

    closed = Access(trusted=(server,))
    with pytest.raises(DocumentError, match=r"could not read Username|401"):
        fetch_repository(url, sha, closed)  # the recipe does not open it any more

    monkeypatch.setattr(GitServer, "token", b"another")
    fetch._ask_access.cache_clear()  # as another process
    with pytest.raises(DocumentError, match=r"could not read Username|401|Authentication"):
        fetch_repository(url, sha, opened)  # the token was withdrawn

    monkeypatch.setenv("DOCUMENTS_TOKEN", "")
    with pytest.raises(DocumentError, match="DOCUMENTS_TOKEN is not set"):
        fetch_repository(url, sha, opened)


def test_without_a_network_public_copies_are_served_and_private_ones_are_not(
    repository: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCUMENTS_TOKEN", TOKEN.decode())
    sha, access = repository.commit(), Access(private=(f"{server}/private",), trusted=(server,))
    urls = [f"{server}/{name}/.git" for name in ("documents", "private")]
    places = [fetch_repository(url, sha, access) for url in urls]
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # nothing gets out
    monkeypatch.setenv("no_proxy", "")
    fetch._ask_access.cache_clear()
    assert fetch_repository(urls[0], sha, access) == places[0]
    with pytest.raises(DocumentError, match="git ls-remote: "):
        fetch_repository(urls[1], sha, access)
