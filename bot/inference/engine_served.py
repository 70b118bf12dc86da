"""An engine that starts a vLLM server of its own, for profiles with several copies of the model."""

import threading
from collections.abc import Callable, Iterator, Sequence

from bot.core.errors import UserError
from bot.inference.engine import AT_ONCE, Request, Response
from bot.inference.engine_openai import OpenAIEngine
from bot.inference.kept_server import KeptServer
from bot.inference.teacher_server import EVERY_S


class ServedEngine:
    """A vLLM server for as long as the engine is used; thread-safe.

    Args:
        server: returns the server to start.
        client: returns a client for a base URL.
    """

    at_once = AT_ONCE

    def __init__(self, server: Callable[[], KeptServer], client: Callable[[str], OpenAIEngine]) -> None:
        self._server, self._connect = server, client
        self._starting = threading.Lock()
        self._closing = threading.Event()
        self._client: OpenAIEngine | None = None
        self._thread: threading.Thread | None = None
        self._failure: UserError | None = None

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Yield responses as they finish.

        Raises:
            UserError: vLLM is not installed, or the server does not stay up.
        """
        with self._starting:
            if self._failure:
                raise self._failure
            if self._client is None:
                self._client = self._start()
        try:
            yield from self._client.complete(requests)
        except UserError as error:
            raise self._failure or error from None

    def close(self) -> None:
        """Stop the server and free the GPUs' memory, which training needs."""
        with self._starting:
            if self._client and self._thread:
                self._client.close()
                self._closing.set()
                self._thread.join()
            self._client = self._thread = self._failure = None

    def _start(self) -> OpenAIEngine:
        server = self._server()
        found = self._connect(f"{server.url}/v1")
        self._closing.clear()
        self._thread = threading.Thread(target=self._keep, args=(server, found), name="vllm", daemon=True)
        self._thread.start()
        return found

    def _keep(self, server: KeptServer, client: OpenAIEngine) -> None:
        try:
            while not self._closing.wait(EVERY_S):
                server.watch()
        except UserError as error:
            self._failure = error
            client.close()
        finally:
            server.stop()
