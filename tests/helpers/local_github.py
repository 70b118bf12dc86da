"""A local GitHub in a thread, with people to act in it through PyGithub and git."""

import os
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from github import Auth, Github
from github.Repository import Repository
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from localworld.github import Event, GitHub, create_app
from tests.contract.plugin import Watch

PEOPLE = ("maintainer", "contributor", "outsider", "arborist[bot]")
TAXONOMY = "lab/taxonomy"


class Server:
    """One server for a whole test session; which application answers can change."""

    def __init__(self) -> None:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.application: ASGIApp = PlainTextResponse("nobody is at home", 503)
        config = uvicorn.Config(self._serve, interface="asgi3", log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.application(scope, receive, send)

    def stop(self) -> None:
        """End the server."""
        self._server.should_exit = True
        self._thread.join(10)


class LocalGitHub:
    """A served GitHub whose repository `lab/taxonomy` has one commit, a maintainer and a bot.

    Args:
        data: its folder; taken up again if it is there.
        contract: GitHub's own description; every exchange and event is held against it.
        server: what serves it from now on.
        events: those of before, if it is taken up again.
    """

    def __init__(self, data: Path, contract: Watch, server: Server, events: Sequence[Event] = ()) -> None:
        self.server, self.url = server, server.url
        self.github = contract.watch(GitHub(data, self.url))
        self.events = list(events)
        self.github.subscribe(self.events.append)
        server.application = create_app(self.github, middleware=contract.middleware)
        if self.github.repository(TAXONOMY) is None:
            self._settle()

    def _settle(self) -> None:
        for login in PEOPLE:
            self.github.create_user(login, token=self.token(login), email=f"{login}@localhost")
        self.github.create_organization("lab")
        self.github.create_repository("lab", "taxonomy")
        self.github.add_collaborator(TAXONOMY, "maintainer", "maintain")
        self.github.add_collaborator(TAXONOMY, "arborist[bot]", "write")
        self.as_("maintainer").create_file("README.md", "First", "# Taxonomy\n")
        self.events.clear()

    def stop(self) -> None:
        """Let go of the folder, as if the process had ended."""
        self.github.close()

    @staticmethod
    def token(login: str) -> str:
        """A person's token."""
        return f"token-of-{login}"

    def client(self, login: str | None, token: str | None = None) -> Github:
        """PyGithub as somebody; as nobody if None."""
        if login and not token:
            token = self.token(login)
        auth = Auth.Token(token) if token else None
        return Github(
            base_url=f"{self.url}/api/v3",
            auth=auth,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def as_(self, login: str, repository: str = TAXONOMY) -> Repository:
        """A repository as somebody sees it."""
        return self.client(login).get_repo(repository)

    def workflow(self, permissions: dict[str, str]) -> Repository:
        """The repository as a running workflow with these permissions sees it."""
        token = self.github.create_token(
            "github-actions[bot]", permissions=permissions, repository=TAXONOMY, workflow=True
        )
        return self.client(None, token).get_repo(TAXONOMY)

    def happened(self, name: str, action: str = "") -> list[Event]:
        """The events of a kind so far."""
        return [event for event in self.events if (event.name, event.action) == (name, action)]


class Clone:
    """A clone in a folder, and who works in it."""

    def __init__(self, folder: Path, login: str) -> None:
        self.folder = folder
        self.login = login

    @classmethod
    def make(cls, folder: Path, url: str, login: str = "", token: str = "") -> "Clone":
        """Clone by git itself over HTTP.

        Args:
            url: the web address of the repository.
            login, token: who clones; nobody if the token is empty.
        """
        address = url.replace("://", f"://{login}:{token}@", 1) if token else url
        folder.mkdir(parents=True)
        made = cls(folder, login or "nobody")
        made.git("clone", "--quiet", "--template=", f"{address}.git", ".")
        return made

    def commit(self, message: str, **files: str | None) -> str:
        """Write files (None: remove; `__` in a name stands for `/`), commit; returns the SHA."""
        for name, text in files.items():
            path = self.folder / name.replace("__", "/")
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """git's output; its complaint as an AssertionError if it fails."""
        names = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", self.login), ("EMAIL", f"{self.login}@localhost"))
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **names, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
