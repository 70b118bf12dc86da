"""Repositories of documents: one commit of each, fetched by a git that trusts nobody."""

import base64
import hashlib
import ipaddress
import os
import re
import resource
import shutil
import socket
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

MAX_PACK_BYTES = 1 << 30
FETCH_TIMEOUT_S = 180
TOKEN = "DOCUMENTS_TOKEN"  # noqa: S105 the variable's name
"""The environment's variable with the token for private repositories."""


class DocumentError(Exception):
    """A document that cannot be used: what is wrong, and how to mend it.

    Args:
        part: what the mistake is in: `repo`, `commit` or `patterns`.
    """

    def __init__(self, message: str, mend: str, part: str = "patterns") -> None:
        super().__init__(message)
        self.mend = mend
        self.part = part


@dataclass(frozen=True)
class Access:
    """Which repositories the recipe opens beside public ones.

    Attributes:
        private: URLs that are fetched with the token in DOCUMENTS_TOKEN, and what is below them.
        trusted: URLs that need not be https to a public address, and what is below them.
    """

    private: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()

    def is_private(self, url: str) -> bool:
        return _below(url, self.private)

    def is_trusted(self, url: str) -> bool:
        return _below(url, self.trusted)


PUBLIC = Access()


def _below(url: str, places: tuple[str, ...]) -> bool:
    """Whether a URL is one of these, or below one: `https://host/org` holds `https://host/org/name.git`."""
    climbs = ".." in url.split("/") or "%" in url
    plain = url.removesuffix(".git")
    return not climbs and any(
        plain == place.removesuffix(".git") or plain.startswith(f"{place.rstrip('/')}/") for place in places
    )


def check_repository(url: str, commit: str, access: Access = PUBLIC) -> None:
    """Whether a repository and a commit may be asked for at all; needs no network.

    Raises:
        DocumentError: the URL is not plain https, or the commit is not a full SHA.
    """
    try:
        parts = urlsplit(url)
        plain = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
        plain = plain and parts.port in (None, 443)
    except ValueError:
        plain = False
    if not (plain or access.is_trusted(url)) or not url.isprintable() or " " in url:
        raise DocumentError(
            f"{url[:100]!r} is not the https URL of a public repository",
            "write https://host/owner/name.git, or . for files beside the leaf",
            "repo",
        )
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        raise DocumentError(
            f"{commit[:80]!r} is not the full SHA of a commit",
            "write all 40 digits, as `git rev-parse HEAD` prints them: a branch moves, a commit does not",
            "commit",
        )


def fetch_repository(url: str, commit: str, access: Access = PUBLIC) -> Path:
    """A bare repository in the cache that holds one commit.

    Raises:
        DocumentError: the URL may not be asked for, or the server does not give that commit.
    """
    from bot.store import cache_folder

    check_repository(url, commit, access)
    # By its URL too: who names a commit of a private repository under another URL must not get it from here.
    # And by how it was fetched: once a repository is no longer opened as private, its copy is not found.
    origin = f"private {url}" if access.is_private(url) else url
    place = cache_folder() / "documents" / f"{commit}-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
    if place.exists():
        if access.is_private(url):
            _ask_access(url, os.environ.get(TOKEN, ""), access)
        return place
    part = place.with_name(f"{place.name}.{uuid.uuid4().hex}")
    part.mkdir(parents=True)
    try:
        pin = "" if access.is_trusted(url) else _public_address(url)
        fetch_commit(url, commit, part, access, pin)
        if not place.exists():
            part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def fetch_commit(url: str, commit: str, folder: Path, access: Access = PUBLIC, pin: str = "") -> None:
    """Fetch one commit into an empty folder; whether it may be asked for is checked before.

    Args:
        pin: the host's addresses, as curl's CURLOPT_RESOLVE takes them; what the name leads to if left out.

    Raises:
        DocumentError: the server does not give that commit, or there is no token for it.
    """
    settings, secret = _how(url, access, pin)
    flags = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
    _git(folder, {}, {}, "init", "--quiet", "--bare", "--template=")
    _git(folder, settings, secret, "fetch", *flags, "--end-of-options", url, commit)
    _git(folder, {}, {}, "cat-file", "-e", f"{commit}^{{commit}}")


@cache
def _ask_access(url: str, token: str, access: Access) -> None:
    """Check that a private repository still answers with the token; asked once in a process.

    Raises:
        DocumentError: it does not, or cannot be asked: what is private is not read from the cache unasked.
    """
    settings, secret = _how(url, access, "" if access.is_trusted(url) else _public_address(url))
    with TemporaryDirectory() as folder:
        _git(Path(folder), settings, secret, "ls-remote", "--quiet", "--end-of-options", url, "HEAD")


def _how(url: str, access: Access, pin: str) -> tuple[dict[str, str], dict[str, str]]:
    """git's settings for a repository, and the variables that hold its token.

    Raises:
        DocumentError: there is no token for it.
    """
    settings = {"http.curloptResolve": pin} if pin else {}
    if access.is_trusted(url):
        settings["protocol.allow"] = "always"
        settings["protocol.ext.allow"] = "never"
    if not access.is_private(url):
        return settings, {}
    token = os.environ.get(TOKEN, "")
    if not token:
        raise DocumentError(f"{url!r} is private, and {TOKEN} is not set", f"set {TOKEN}", "repo")
    return settings, basic_auth(url, token)


def basic_auth(url: str, token: str) -> dict[str, str]:
    """Variables by which git sends a token to a URL: a command line can be read by every process."""
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{url}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


def _public_address(url: str) -> str:
    """What curl is to take the host's addresses for: those that were looked at here, and no others.

    Raises:
        DocumentError: one of them is on this machine or a private network.
    """
    host = urlsplit(url).hostname or ""
    try:
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, 443)})
    except OSError:
        raise DocumentError(f"the host {host!r} cannot be found", "check the URL", "repo") from None
    if not all(ipaddress.ip_address(address.split("%")[0]).is_global for address in found):
        raise DocumentError(f"the host {host!r} is not a public one", "use a public repository", "repo")
    return f"{host}:443:{','.join(f'[{address}]' if ':' in address else address for address in found)}"


KEPT = ("PATH", "TMPDIR", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def network_environment() -> dict[str, str]:
    """The environment of a git that speaks to a server: nothing of this machine's user goes along.

    There is no home, so no ~/.netrc, no credentials and no settings; nobody is asked for a password.
    """
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.lower() in PROXIES}
    return kept | {
        "HOME": os.devnull,
        "XDG_CONFIG_HOME": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "LC_ALL": "C",
    }


def _limit_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_PACK_BYTES, MAX_PACK_BYTES))


def _git(folder: Path, more: Mapping[str, str], secret: Mapping[str, str], *arguments: str) -> None:
    settings = {
        "protocol.allow": "never",
        "protocol.https.allow": "always",
        "http.followRedirects": "false",
        "core.hooksPath": "/dev/null",
        "credential.helper": "",
        "core.askPass": "",
        "fetch.fsckObjects": "true",
        "submodule.recurse": "false",
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": "30",
        **more,
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    environment = {**network_environment(), **secret}
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
