"""Fetching single commits of document repositories, with a restricted Git configuration."""

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

MAX_PACK_BYTES = 1 << 30
FETCH_TIMEOUT_S = 180
TOKEN = "DOCUMENTS_TOKEN"  # noqa: S105 the variable's name
"""The environment variable with the token for private repositories."""


class DocumentError(Exception):
    """A document cannot be used.

    Args:
        message: what is wrong.
        hint: how to fix it.
        part: the key of `document` in qna.yaml with the mistake: `repo`, `commit` or `patterns`.
    """

    def __init__(self, message: str, hint: str, part: str = "patterns") -> None:
        super().__init__(message)
        self.hint = hint
        self.part = part


@dataclass(frozen=True)
class Access:
    """The non-public repositories that the recipe allows.

    Attributes:
        private: URLs that are fetched with the token in DOCUMENTS_TOKEN; each includes all URLs below it.
        trusted: URLs that need neither https nor a public address; each includes all URLs below it.
    """

    private: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()

    def is_private(self, url: str) -> bool:
        return _below(url, self.private)

    def is_trusted(self, url: str) -> bool:
        return _below(url, self.trusted)


PUBLIC = Access()


def _below(url: str, places: tuple[str, ...]) -> bool:
    """Return whether a URL equals or is below one of `places`.

    For example, `https://host/org/name.git` is below `https://host/org`.
    """
    climbs = ".." in url.split("/") or "%" in url
    plain = url.removesuffix(".git")
    return not climbs and any(
        plain == place.removesuffix(".git") or plain.startswith(f"{place.rstrip('/')}/") for place in places
    )


def check_repository(url: str, commit: str, access: Access = PUBLIC) -> None:
    """Check that a repository and a commit may be fetched; needs no network.

    Raises:
        DocumentError: the URL is not a plain https URL, or the commit is not a full SHA.
    """
    try:
        parts = urlsplit(url)
        plain = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
        plain = plain and parts.port in (None, 443)
    except ValueError:
        plain = False
    if not (plain or access.is_trusted(url)) or not url.isprintable() or " " in url:
        raise DocumentError(
            f"{url[:100]!r} is not the https URL of a public repository", _address_hint(url), "repo"
        )
    page = re.match(r"(https://[^/]+/[^/]+/[^/]+)/(?:-/)?(?:tree|blob|raw)/", url)
    if page and not access.is_trusted(url):
        raise DocumentError(
            f"{url[:100]!r} is a page of a repository, not a repository",
            f"write {page[1][:100]}.git, and the file in patterns",
            "repo",
        )
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        raise DocumentError(
            f"{commit[:80]!r} is not the full SHA of a commit",
            "write all 40 digits, as `git rev-parse HEAD` prints them: a branch moves, a commit does not",
            "commit",
        )


def _address_hint(url: str) -> str:
    """Return how to fix a URL that is not the plain https URL of a repository."""
    ssh = re.fullmatch(r"(?:ssh://)?[\w.-]{1,40}@([\w.-]{1,80})[:/]([\w./-]{1,100}?)(?:\.git)?/?", url)
    if ssh:
        return f"write https://{ssh[1]}/{ssh[2]}.git"
    bare = re.fullmatch(
        r"(?:http://|git://)?([\w-]{1,40}(?:\.[\w-]{1,40}){1,4}/[\w./-]{1,100}?)(?:\.git)?/?", url
    )
    if bare:
        return f"write https://{bare[1]}.git"
    return "write https://host/owner/name.git, or . for files in the leaf's folder"


def fetch_repository(url: str, commit: str, access: Access = PUBLIC) -> Path:
    """Fetch one commit into a bare repository in the cache, and return the repository's folder.

    Raises:
        DocumentError: the URL is not allowed, or the server does not provide the commit.
    """
    from bot.core.store import cache_folder

    check_repository(url, commit, access)
    # The cache key includes the URL, so that a leaf cannot read a private repository's commit through another
    # URL. It also includes whether the URL is private, so that removing a URL from `private` hides its copy.
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
    """Fetch one commit into an empty folder. The caller checks that the URL is allowed.

    Args:
        pin: the host's addresses in the format of curl's CURLOPT_RESOLVE; by default DNS is used.

    Raises:
        DocumentError: the server does not provide the commit, or the token for it is missing.
    """
    settings, secret = _how(url, access, pin)
    flags = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
    _git(folder, {}, {}, "init", "--quiet", "--bare", "--template=")
    _git(folder, settings, secret, "fetch", *flags, "--end-of-options", url, commit)
    _git(folder, {}, {}, "cat-file", "-e", f"{commit}^{{commit}}")


@cache
def _ask_access(url: str, token: str, access: Access) -> None:
    """Check that the token still has access to a private repository, once per process.

    Private documents are read from the cache only after this check.

    Raises:
        DocumentError: the token has no access, or the repository cannot be reached.
    """
    settings, secret = _how(url, access, "" if access.is_trusted(url) else _public_address(url))
    with TemporaryDirectory() as folder:
        _git(Path(folder), settings, secret, "ls-remote", "--quiet", "--end-of-options", url, "HEAD")


def _how(url: str, access: Access, pin: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the Git settings for a repository, and the environment variables with its token.

    Raises:
        DocumentError: the repository is private and there is no token.
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
    """Return environment variables that make Git send a token to a URL.

    Command-line arguments would be visible to other processes.
    """
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{url}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


def _public_address(url: str) -> str:
    """Resolve a URL's host and return a CURLOPT_RESOLVE entry that pins Git to the checked addresses.

    Raises:
        DocumentError: the host cannot be resolved, or one of its addresses is not public.
    """
    host = urlsplit(url).hostname or ""
    try:
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, 443)})
    except OSError:
        raise DocumentError(f"the host {host!r} cannot be found", "check the URL", "repo") from None
    if not all(ipaddress.ip_address(address.split("%")[0]).is_global for address in found):
        raise DocumentError(f"the host {host!r} is not a public host", "use a public repository", "repo")
    return f"{host}:443:{','.join(f'[{address}]' if ':' in address else address for address in found)}"


KEPT = ("PATH", "TMPDIR", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def network_environment() -> dict[str, str]:
    """Return the environment for Git commands that use the network, without the user's own configuration.

    HOME is not set to the user's, so Git reads no ~/.netrc, credentials or settings. Prompts are disabled.
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
            "try again, or put the document in the leaf's folder",
            "repo",
        ) from None
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())[:200]
        redirected = re.search(r"returned error: 30\d|update url base from redirection", reason)
        hint = "check the URL and the commit"
        if redirected:
            hint = "the server redirects this address, which is not followed: " + _final_hint(arguments)
        raise DocumentError(f"git {arguments[0]}: {reason}", hint, "repo")


def _final_hint(arguments: Sequence[str]) -> str:
    """Return how to fix an address that the server redirects."""
    url = next((part for part in arguments if "://" in part), "")
    if url.endswith(".git"):
        return "write the repository's present address, ending in .git"
    return f"write it with .git: {url.rstrip('/')[:100]}.git"
