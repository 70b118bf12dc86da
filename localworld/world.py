"""The local world: a GitHub server, a Hub server, their users, and a repository with this project's files."""

import hashlib
import json
import os
import secrets
import signal
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from filelock import FileLock, Timeout
from starlette.applications import Starlette
from starlette.middleware import Middleware

from bot.core.errors import UserError
from bot.core.progress import say
from bot.core.store import cache_folder
from bot.core.workflow_names import RETRAIN, ROLLBACK
from bot.release.trusted_publishing import ENVIRONMENT
from localworld.actions import Actions
from localworld.actions.oidc import ISSUER
from localworld.github import GitHub, create_app, environments
from localworld.hub import HubUser, create_hub, trust
from localworld.release_key import PRIVATE_KEY, PUBLIC_KEY, make_release_key
from localworld.seed import Seed, commit_tree

OWNER = "lab"
REPOSITORY = f"{OWNER}/taxonomy"
LOGINS = {
    "maintainer": "maintainer",
    "contributor": "contributor",
    "outsider": "outsider",
    "bot": "arborist[bot]",
}
MODEL = f"{OWNER}/taxonomy-model"
SAMPLES, GGUF = f"{MODEL}-samples", f"{MODEL}-GGUF"
"""The repositories on the Hub of what the model learned, and of its GGUF files."""
RECORD = "world.json"
"""The claims of a releasing job's ID token that the Hub requires, besides the repository."""
LOCK = "world.lock"
PUBLISHER = '["self-hosted", "store"]'
"""The runner of the job that publishes, as the variable ARBORIST_PUBLISHER."""
"""File lock that the serving process holds."""


class World:
    """A local GitHub with Actions and a local Hub, whose state is in one folder and survives restarts.

    Args:
        data: the folder of the state.
        checkout: the git checkout whose files become the first commit of the local repository.
        port: the port of the local GitHub; 0 chooses a free one.
        middleware: ASGI middleware around the GitHub application; tests use it to check every exchange.
        tool_cache: the folder where jobs install tools; by default one below `data`.
        seed: how the local repository differs from the checkout at first.

    Raises:
        UserError: another process serves this folder, the port is in use, the checkout is not a git
            checkout, or another version of Arborist created the folder.
    """

    def __init__(
        self,
        data: Path,
        checkout: Path = Path(),
        port: int = 0,
        middleware: Sequence[Middleware] = (),
        tool_cache: Path | None = None,
        seed: Seed = Seed(),
    ) -> None:
        self.seed, self.data, self.checkout = seed, data.resolve(), checkout.resolve()
        self.data.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.data / LOCK, timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise UserError(
                f"{data}: a local world is already running here; "
                f"`localworld env --data {data}` prints its addresses"
            ) from None
        record = self._record()
        self.tokens: dict[str, str] = record.get("tokens") or {
            role: f"local_{role}_{secrets.token_hex(16)}" for role in LOGINS
        }
        self._sockets = [
            _listen(port) if port else _listen_again(record.get("port", 0)),
            _listen_again(record.get("hub_port", 0)),
        ]
        self.web, self.hub = (f"http://127.0.0.1:{_port(sock)}" for sock in self._sockets)
        self.github = GitHub(self.data / "github", self.web)
        self.actions = Actions(
            self.github,
            self.data / "actions",
            environment={"UV_CACHE_DIR": _wheels()},
            own={"ARBORIST_CACHE": str(cache_folder())},
            tool_cache=tool_cache,
        )
        self._settle()
        self._hub_application = create_hub(self.data / "hub", self.hub, self._hub_users())
        for published in (MODEL, f"datasets/{SAMPLES}", GGUF):
            self.trust(published, REPOSITORY)
        applications = [
            create_app(self.github, extra_routes=self.actions.routes, middleware=middleware),
            self._hub_application,
        ]
        self._servers = [_Server(application) for application in applications]
        self._threads = [
            threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
            for server, sock in zip(self._servers, self._sockets, strict=True)
        ]
        self._write_record()

    def start(self) -> None:
        """Start both servers and Actions; return when the servers answer."""
        for thread in self._threads:
            thread.start()
        for server in self._servers:
            server.ready.wait(30)
        self.actions.start()

    def stop(self) -> None:
        """Stop running jobs, then the servers."""
        self.actions.stop()
        for server in self._servers:
            server.should_exit = True
        for thread in self._threads:
            thread.join(10)
        self.github.close()
        self._lock.release()

    def trust(self, resource: str, repository: str) -> None:
        """Register a GitHub repository as a trusted publisher of a repository on the Hub.

        Args:
            resource: the repository on the Hub, as owner/name or datasets/owner/name; created if it does not
                exist.
            repository: the GitHub repository, as owner/name.
        """
        for workflow in (RETRAIN, ROLLBACK):
            trust(self._hub_application, resource, f"{self.web}{ISSUER}", claims_of(repository, workflow))

    def address(self) -> dict[str, Any]:
        """Return the addresses, logins and tokens that `localworld up` prints."""
        return {
            "github": {"api": f"{self.web}/api/v3", "web": self.web, "git": f"{self.web}/{REPOSITORY}.git"},
            "hub": self.hub,
            "repository": REPOSITORY,
            "release_key": str(self.data / PUBLIC_KEY),
            "logins": LOGINS,
            "tokens": self.tokens,
            "data": str(self.data),
        }

    def _record(self) -> dict[str, Any]:
        path = self.data / RECORD
        record: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return record

    def _write_record(self) -> None:
        ports = {"port": _port(self._sockets[0]), "hub_port": _port(self._sockets[1])}
        path = self.data / RECORD
        path.write_text(json.dumps({**self.address(), **ports}, indent=2) + "\n")
        path.chmod(0o600)

    def _settle(self) -> None:
        """Create the users, the repository and its settings if this folder is new; set the variables."""
        if self.github.repo_path(REPOSITORY).exists():
            self._set_variables()
            return
        for role, login in LOGINS.items():
            self.github.create_user(login, token=self.tokens[role], bot=role == "bot")
        self.github.create_organization(OWNER)
        self.github.create_repository(OWNER, REPOSITORY.partition("/")[2])
        self.github.add_collaborator(REPOSITORY, LOGINS["maintainer"], "maintain")
        self.github.add_collaborator(REPOSITORY, LOGINS["bot"], "write")
        environment = environments.protect(self.github, REPOSITORY, ENVIRONMENT, "main")
        key = make_release_key(self.data)
        self.actions.set_secret(REPOSITORY, "ARBORIST_RELEASE_KEY", key, environment)
        commit_tree(self.checkout, self.github.repo_path(REPOSITORY), self.seed)
        self._set_variables()

    def _set_variables(self) -> None:
        self.actions.set_variable(REPOSITORY, "ARBORIST_STORE", str(self.data / "store"))
        # The store is a folder of the self-hosted machine, and whoever publishes must read it.
        self.actions.set_variable(REPOSITORY, "ARBORIST_PUBLISHER", PUBLISHER)
        self.actions.set_variable(REPOSITORY, "HF_ENDPOINT", self.hub)
        self.actions.set_secret(REPOSITORY, "ARBORIST_SIGNING_KEY", _signing_key(self.tokens["bot"]))

    def _hub_users(self) -> dict[str, HubUser]:
        members = {"maintainer", "bot"}
        return {
            self.tokens[role]: HubUser(
                login.removesuffix("[bot]"), orgs=(OWNER,) if role in members else (), can_write=True
            )
            for role, login in LOGINS.items()
        }


def claims_of(repository: str, workflow: str = RETRAIN) -> dict[str, str]:
    """Return the claims of a trusted publisher that releases a repository's models."""
    return {"repository": repository, "branch": "main", "workflow": workflow, "environment": ENVIRONMENT}


def environment(data: Path) -> dict[str, str]:
    """Return the environment variables that connect the bot and huggingface_hub to a local world.

    Raises:
        UserError: the folder has no local world, or the local world is not running.
    """
    path = data / RECORD
    if not path.exists():
        raise UserError(f"{data}: no local world here; start one with `localworld up --data {data}`")
    try:
        with FileLock(data / LOCK, timeout=0):
            pass
    except Timeout:
        address = json.loads(path.read_text())
    else:
        raise UserError(
            f"{data}: this local world is not running; start it with `localworld up --data {data}`"
        )
    return {
        "GITHUB_API_URL": address["github"]["api"],
        "GITHUB_SERVER_URL": address["github"]["web"],
        "GITHUB_REPOSITORY": address["repository"],
        "GITHUB_TOKEN": address["tokens"]["bot"],
        "HF_ENDPOINT": address["hub"],
        "HF_TOKEN": address["tokens"]["bot"],
        "ARBORIST_STORE": str(Path(address["data"]) / "store"),
        "ARBORIST_SIGNING_KEY": _signing_key(address["tokens"]["bot"]),
        "ARBORIST_RELEASE_KEY": str(data.resolve() / PRIVATE_KEY),
    }


def _wheels() -> str:
    """Return uv's cache folder on this machine; jobs install from it instead of downloading packages."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return os.environ.get("UV_CACHE_DIR") or f"{cache}/uv"


def _signing_key(token: str) -> str:
    return hashlib.sha256(f"signing {token}".encode()).hexdigest()


def serve(data: Path, checkout: Path, port: int) -> None:
    """Serve a local world until SIGINT or SIGTERM; print its addresses as one line of JSON on stdout."""
    world = World(data, checkout, port)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    world.start()
    print(json.dumps(world.address()), flush=True)
    say(f"The local world is running: {world.web}/{REPOSITORY} and {world.hub}. Press Ctrl-C to stop it.")
    done.wait()
    world.stop()


class _Server(uvicorn.Server):
    """A uvicorn server for use in a thread: no signal handlers, and an event that is set once it answers."""

    def __init__(self, application: Starlette) -> None:
        super().__init__(uvicorn.Config(application, log_level="warning", lifespan="off"))
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _listen(port: int) -> socket.socket:
    """Listen on a port of 127.0.0.1, or on a free one if it is 0; UserError if the port is in use."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        listening.close()
        if port:
            raise UserError(f"port {port} on 127.0.0.1 is in use; choose another with --port") from None
        raise
    listening.listen(128)
    return listening


def _listen_again(port: int) -> socket.socket:
    """Listen on the port of the previous start, so that links stay valid; on a free one if it is in use."""
    try:
        return _listen(port)
    except UserError:
        return _listen(0)


def _port(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])
