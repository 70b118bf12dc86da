"""The documents of a knowledge leaf: beside it in the tree, or in another repository at a commit."""

import ipaddress
import os
import re
import resource
import shutil
import socket
import subprocess
import uuid
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from bot.taxonomy.files import Files, GitFiles, Unreadable
from bot.taxonomy.leaf import Document, DocumentSource

SUFFIXES = (".md", ".txt")
MAX_DOCUMENT_BYTES = 5_000_000
MAX_DOCUMENTS = 200
MAX_PACK_BYTES = 1 << 30
FETCH_TIMEOUT_S = 180


class DocumentError(Exception):
    """A document that cannot be used: what is wrong, and how to mend it.

    Args:
        part: what the mistake is in: `repo`, `commit` or `patterns`.
    """

    def __init__(self, message: str, mend: str, part: str = "patterns") -> None:
        super().__init__(message)
        self.mend = mend
        self.part = part


def matches(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern: `*` and `?` within a name, `**` for any folders."""

    @cache
    def fits(i: int, j: int) -> bool:
        if j == len(wanted):
            return i == len(names)
        if wanted[j] == "**":
            return fits(i, j + 1) or (i < len(names) and fits(i + 1, j))
        return i < len(names) and fnmatchcase(names[i], wanted[j]) and fits(i + 1, j + 1)

    names = path.split("/")
    wanted = re.sub(r"(\*\*/)+", "**/", pattern).split("/")
    return fits(0, 0)


def read_documents(files: Files, folder: str, source: DocumentSource) -> tuple[Document, ...]:
    """The documents of a leaf, sorted by name.

    Args:
        files: where the leaf is from; with repo "." the documents are from there too.
        folder: the leaf's folder.

    Raises:
        DocumentError: a pattern escapes its folder or matches nothing, a document is no text.
    """
    if source.repo != ".":
        repository = fetch_repository(source.repo, source.commit)
        with GitFiles(repository, source.commit, "") as remote:
            return _read(remote, "", source.patterns)
    return _read(files, folder, source.patterns)


def _read(files: Files, folder: str, patterns: Sequence[str]) -> tuple[Document, ...]:
    names = files.below(folder)
    chosen: set[str] = set()
    for pattern in patterns:
        chosen |= match_pattern(names, pattern)
        if len(chosen) > MAX_DOCUMENTS:
            raise DocumentError(f"the patterns match over {MAX_DOCUMENTS} files", "name fewer files")
    prefix = f"{folder}/" if folder else ""
    return tuple(Document(name, _text(files, prefix, name)) for name in sorted(chosen))


def match_pattern(names: Sequence[str], pattern: str) -> set[str]:
    """The names that a pattern of `document.patterns` stands for; there is at least one.

    Raises:
        DocumentError: the pattern leads out of the folder, is too long, or matches nothing.
    """
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/") or "\\" in pattern:
        raise DocumentError(
            f"the pattern {pattern[:80]!r} leads out of the folder", "name files by their path below it"
        )
    if len(pattern) > 200 or pattern.count("*") > 10:
        raise DocumentError(f"the pattern {pattern[:80]!r} is too long", "name the files plainly")
    found = {name for name in names if matches(name, pattern)}
    if not found:
        raise DocumentError(
            f"no file matches the pattern {pattern!r}", "check the name, and that the file is there"
        )
    return found


def _text(files: Files, prefix: str, name: str) -> str:
    if not name.lower().endswith(SUFFIXES):
        raise DocumentError(f"{name!r} is no .md or .txt file", "convert the document to Markdown")
    try:
        content = files.read(f"{prefix}{name}", MAX_DOCUMENT_BYTES)
    except Unreadable as error:
        raise DocumentError(f"{name!r} {error}", "put a text file in its place") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError(f"{name!r} is not UTF-8 text", "save it as UTF-8") from None
    if "\0" in text or not text.strip():
        raise DocumentError(f"{name!r} holds no text", "put the document's text into it")
    if text.startswith("version https://git-lfs."):
        raise DocumentError(f"{name!r} is a Git LFS pointer", "commit the text itself")
    return text.replace("\r\n", "\n")


def check_source(source: DocumentSource) -> None:
    """Whether a repository and a commit may be asked for at all; needs no network.

    Raises:
        DocumentError: the URL is not plain https, or the commit is not a full SHA.
    """
    if source.repo == ".":
        return
    try:
        url = urlsplit(source.repo)
        plain = url.scheme == "https" and url.hostname and "@" not in url.netloc and url.port in (None, 443)
    except ValueError:
        plain = False
    if not plain or not source.repo.isprintable() or " " in source.repo:
        raise DocumentError(
            f"{source.repo[:100]!r} is not the https URL of a public repository",
            "write https://host/owner/name.git, or . for files beside the leaf",
            "repo",
        )
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", source.commit):
        raise DocumentError(
            f"{source.commit[:80]!r} is not the full SHA of a commit",
            "write all 40 digits, as `git rev-parse HEAD` prints them: a branch moves, a commit does not",
            "commit",
        )


def fetch_repository(url: str, commit: str) -> Path:
    """A bare repository in the cache that holds one commit of a public repository.

    Raises:
        DocumentError: the URL may not be asked for, or the server does not give that commit.
    """
    from bot.store import cache_folder

    check_source(DocumentSource(url, commit, ()))
    place = cache_folder() / "documents" / commit
    if place.exists():
        return place
    _check_address(urlsplit(url).hostname or "")
    part = place.with_name(f"{commit}.{uuid.uuid4().hex}")
    part.mkdir(parents=True)
    try:
        fetch_commit(url, commit, part)
        if not place.exists():
            part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def fetch_commit(url: str, commit: str, folder: Path) -> None:
    """Fetch one commit over https into an empty folder; whether it may be asked for is checked before.

    Raises:
        DocumentError: the server does not give that commit.
    """
    flags = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
    _git(folder, "init", "--quiet", "--bare", "--template=")
    _git(folder, "fetch", *flags, "--end-of-options", url, commit)
    _git(folder, "cat-file", "-e", f"{commit}^{{commit}}")


def _check_address(host: str) -> None:
    """Refuse a name that leads to this machine or a private network."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, 443)}
    except OSError:
        raise DocumentError(f"the host {host!r} cannot be found", "check the URL", "repo") from None
    if not all(ipaddress.ip_address(str(address).split("%")[0]).is_global for address in found):
        raise DocumentError(f"the host {host!r} is not a public one", "use a public repository", "repo")


def _limit_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_PACK_BYTES, MAX_PACK_BYTES))


def _git(folder: Path, *arguments: str) -> None:
    settings = {
        "protocol.allow": "never",
        "protocol.https.allow": "always",
        "http.followRedirects": "false",
        "core.hooksPath": "/dev/null",
        "credential.helper": "",
        "fetch.fsckObjects": "true",
        "submodule.recurse": "false",
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": "30",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name == "GIT_SSL_CAINFO"
    } | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "LC_ALL": "C",
    }
    command = ["git", "-C", str(folder), *options, *arguments]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=FETCH_TIMEOUT_S, preexec_fn=_limit_disk
        )
    except subprocess.TimeoutExpired:
        raise DocumentError(
            f"the repository did not answer in {FETCH_TIMEOUT_S} s",
            "try again, or put the document beside the leaf",
            "repo",
        ) from None
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())[:200]
        raise DocumentError(f"git {arguments[0]}: {reason}", "check the URL and the commit", "repo")
