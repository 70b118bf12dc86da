"""An OpenAI-compatible endpoint whose answers go wrong in the ways that a test wants, over real HTTP."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[["Call"], None]


class Call:
    """One request, to be answered."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: dict[str, Any], number: int) -> None:
        self.handler, self.body, self.number = handler, body, number

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])

    def send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.send_header("Content-Length", str(len(content)))
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def answer(self, text: str, reason: str = "stop") -> None:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
        usage = {"prompt_tokens": 10, "completion_tokens": max(1, len(text.split()))}
        self.send(json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode())

    def refuse(self, status: int, **headers: str) -> None:
        self.send(json.dumps({"error": {"message": f"refused with {status}"}}).encode(), status, **headers)

    def cut(self) -> None:
        """Send half an answer, and hang up."""
        self.handler.send_response(200)
        self.handler.send_header("Content-Length", "1000")
        self.handler.end_headers()
        self.handler.wfile.write(b'{"choices": [{"mess')
        self.handler.wfile.flush()
        self.handler.connection.shutdown(socket.SHUT_RDWR)


class Endpoint:
    """What the server did.

    Attributes:
        calls: how often each prompt was asked.
        most: how many were under way at once.
    """

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.calls: Counter[str] = Counter()
        self.most = self._now = 0
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        prompt = str(body["messages"][-1]["content"])
        with self._lock:
            self.calls[prompt] += 1
            self.bodies.append(body)
            self._now += 1
            self.most = max(self.most, self._now)
            number = self.calls[prompt]
        try:
            self.fault(Call(handler, body, number))
        finally:
            with self._lock:
                self._now -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *arguments: Any) -> None:
        """A client that hung up is what some tests are about."""


@contextmanager
def endpoint(fault: Fault) -> Iterator[Endpoint]:
    """Serve on 127.0.0.1 until the end of the block."""
    served = Endpoint(fault)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            served.take(self)

        def log_message(self, *arguments: Any) -> None:
            """Nobody reads it."""

    server = _Server(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


def echo(call: Call) -> None:
    """The answer that a test can foretell."""
    call.answer(f"to {call.prompt}")


def once(fault: Fault) -> Fault:
    """Something goes wrong the first time that each prompt is asked, and then no more."""
    return lambda call: fault(call) if call.number == 1 else echo(call)


def silent(seconds: float) -> Fault:
    return lambda call: time.sleep(seconds)


PASSING: dict[str, Fault] = {
    "429 with Retry-After": lambda call: call.refuse(429, Retry_After="0"),
    "429 without": lambda call: call.refuse(429),
    "500": lambda call: call.refuse(500),
    "503": lambda call: call.refuse(503),
    "a connection that is cut": Call.cut,
    "silence": silent(1.5),
    "broken JSON": lambda call: call.send(b'{"choices": ['),
    "HTML": lambda call: call.send(b"<html>", Content_Type="text/html"),
    "no choices": lambda call: call.send(b'{"choices": []}'),
    "no text": lambda call: call.send(b'{"choices": [{"message": {"content": null}}]}'),
    "a list": lambda call: call.send(b"[]"),
}
"""Faults after which asking again helps."""


def answer(call: Call) -> None:
    """A teacher of few words: it asks the seeds' questions politely, and reads the passage aloud."""
    system, (asked, _, begin) = call.body["messages"][0]["content"], call.prompt.partition("\n\nBegin")
    if "other words" in system:
        call.answer(f"{begin.rpartition(': ')[2]} please, {asked}".strip())
    else:
        call.answer(asked.partition("\n\n")[0])
