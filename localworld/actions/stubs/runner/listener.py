"""A just-in-time runner of the local GitHub: it takes one job, runs the job's commands, and ends.

A standalone program that uses only the standard library. Its command line is that of GitHub's runner.
"""

import argparse
import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

POLL_S = 0.1
FILES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")


class Server:
    """The local GitHub, as the configuration names it."""

    def __init__(self, config: str) -> None:
        files = _decoded(config)
        self.settings, credentials = _decoded(files[".runner"]), _decoded(files[".credentials"])
        self._secret = credentials["Data"]["ClientId"]
        self._url = urlsplit(self.settings["ServerUrl"])

    def post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """POST below this runner's address; exit if the server does not know the runner."""
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=30)
        path = f"/_actions/runners/{self.settings['AgentId']}{path}"
        headers = {"Authorization": f"Bearer {self._secret}"}
        connection.request("POST", path, json.dumps(content), headers)
        response = connection.getresponse()
        if response.status == 401:
            sys.exit("An error occurred: the runner's registration has been deleted from the server.")
        answer: dict[str, Any] = json.loads(response.read())
        connection.close()
        return answer


def _decoded(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(text))
    return found


def run(server: Server, command: dict[str, Any], folder: Path) -> None:
    """Run one command of the job and report its output, its files and its exit code."""
    with tempfile.TemporaryDirectory() as scratch:
        process, files = _start(command, folder, Path(scratch))
        assert process.stdout is not None  # noqa: S101  it is a pipe
        chunks: list[bytes] = []
        reader = threading.Thread(target=_read, args=[process.stdout, chunks], daemon=True)
        reader.start()
        ended = False
        while not ended:
            ended = process.poll() is not None
            if ended:
                reader.join(1)  # a process that stays in the background can hold the output open
            output = b"".join(chunks.pop(0) for _ in range(len(chunks)))
            report: dict[str, Any] = {"output": base64.b64encode(output).decode()}
            if ended:
                written = {name: file.read_text() for name, file in files.items() if file.exists()}
                report |= {"code": process.returncode, "files": written}
            if server.post(f"/commands/{command['number']}", report)["cancel"]:
                process.kill()
            time.sleep(0 if ended else POLL_S)


def _read(stream: Any, chunks: list[bytes]) -> None:
    while data := os.read(stream.fileno(), 65536):
        chunks.append(data)


def _start(
    command: dict[str, Any], folder: Path, scratch: Path
) -> tuple["subprocess.Popen[bytes]", dict[str, Path]]:
    """Start a command; paths of the job's workspace become those of the folder."""
    work = command["environment"].get("GITHUB_WORKSPACE", "\0")
    files = {name: scratch / name for name in FILES}
    for file in files.values():
        file.touch()
    arguments = []
    for argument in command["arguments"]:
        if argument in command["scripts"]:
            script = scratch / Path(argument).name
            script.write_text(command["scripts"][argument].replace(work, str(folder)))
            arguments.append(str(script))
        else:
            arguments.append(argument)
    environment = {name: value.replace(work, str(folder)) for name, value in command["environment"].items()}
    environment |= {name: str(file) for name, file in files.items()}
    environment |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"RUNNER_TEMP": str(folder.parent / "_temp")}
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return process, files


def main() -> None:
    """Wait for the job, run its commands, and end with the job."""
    parser = argparse.ArgumentParser(prog="run.sh")
    parser.add_argument("--jitconfig", required=True)
    server = Server(parser.parse_args().jitconfig)
    folder = Path(__file__).parent / server.settings["WorkFolder"] / "job"
    folder.mkdir(parents=True)
    (folder.parent / "_temp").mkdir()
    print("Listening for Jobs", flush=True)
    began = False
    while not (answer := server.post("", {}))["done"]:
        if answer["job"] and not began:
            began = True
            print("Running a job", flush=True)
        if "command" in answer:
            run(server, answer["command"], folder)
        else:
            time.sleep(POLL_S)
    print("The job has ended", flush=True)


if __name__ == "__main__":
    main()
