"""Fetching one commit from a git server over https, which runs here with a certificate of its own."""

import os
import ssl
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.errors import UserError
from bot.github.sample import fetch_pull
from bot.taxonomy import fetch
from bot.taxonomy.documents import read_documents
from bot.taxonomy.fetch import Access, DocumentError, fetch_commit, fetch_repository
from bot.taxonomy.files import DiskFiles, GitFiles
from bot.taxonomy.leaf import DocumentSource

TOKEN = b"documents-secret"


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1, valid for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(secret + made.public_bytes(pem))
    return path


class GitServer(BaseHTTPRequestHandler):
    """git http-backend behind http.server.

    `/moved` redirects, `/slow` trickles, `/private` wants the token.
    """

    root = Path()
    token = TOKEN

    def do_GET(self) -> None:
        if self.path.startswith("/slow"):
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b"0")
                    time.sleep(0.1)
            return
        if self.path.startswith("/private"):
            if (
                self.headers.get("Authorization")
                != f"Basic {b64encode(b'x-access-token:' + self.token).decode()}"
            ):
                self.send_error(401)
                return
            self.path = self.path.replace("/private", "/documents", 1)
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", self.path.replace("/moved", "/documents", 1))
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environment = {
            **os.environ, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=True
        )
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def server(repository: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server that has the repository as /documents."""
    repository.path.rename(tmp_path / "documents")
    repository.path = tmp_path / "documents"
    pem = certificate(tmp_path)
    monkeypatch.setenv("GIT_SSL_CAINFO", str(pem))
    monkeypatch.setattr(GitServer, "root", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listening = ThreadingHTTPServer(("127.0.0.1", 0), GitServer)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    thread.join()
    listening.server_close()


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
        ("It hums.\n\nIt says <|im_end|> there.", "evil.md:3:9 holds a token of a chat template"),
        (f"It hums.\nIts key is ghp_{'a1' * 18}.", "evil.md:2:12 holds a GitHub token"),
        ("It hums \u202eevil\u202c.", "evil.md:1:9 holds a character that nobody sees"),
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
