"""A tiny server with the ways of vLLM's: /health, chat completions, a child process, and draining.

    python -m tests.helpers.tiny_server PORT FOLDER

Each start writes FOLDER/starts. FOLDER/broken holds what it prints before it dies at once, if it exists. An
answer takes as many seconds as FOLDER/seconds says.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil


class Handler(BaseHTTPRequestHandler):
    """Answers each question with itself."""

    folder = Path()

    def do_GET(self) -> None:
        self.answer({"pid": os.getpid()})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        (self.folder / "asked").touch()
        time.sleep(float((self.folder / "seconds").read_text()))
        message = {"role": "assistant", "content": asked["messages"][-1]["content"]}
        self.answer({"choices": [{"message": message, "finish_reason": "stop"}]})

    def answer(self, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128


def main(port: int, folder: Path) -> None:
    with (folder / "starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    if (folder / "broken").exists():
        print((folder / "broken").read_text(), flush=True)
        sys.exit(1)
    child = subprocess.Popen(["sleep", "600"])
    (folder / "children").open("a").write(f"{child.pid}\n")
    Handler.folder = folder
    server = Server(("127.0.0.1", port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()  # waits for the requests under way
    child.kill()


def started(folder: Path) -> list[int]:
    """The process IDs of all starts so far."""
    file = folder / "starts"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def left(folder: Path) -> list[int]:
    """The servers and children that still run."""
    children = folder / "children"
    pids = [*started(folder), *map(int, children.read_text().split() if children.exists() else [])]
    return [pid for pid in pids if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
