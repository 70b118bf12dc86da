"""A shell of a job on a just-in-time runner: it has the runner execute the script and prints the output.

A standalone program that uses only the standard library; see jit.py. The first argument is the shell's name.
"""

import base64
import http.client
import json
import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit

POLL_S = 0.1
DRAIN_S = 0.2
"""act reads the output of a step that failed only until the step has ended, so wait before that."""
FILES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
OWN = (
    "PATH",
    "HOME",
    "BASH_ENV",
    "PWD",
    "OLDPWD",
    "SHLVL",
    "TMPDIR",
    "RUNNER_TEMP",
    "RUNNER_TOOL_CACHE",
    *FILES,
)
"""Variables of this machine, which the runner does not get."""
LOST = "The self-hosted runner lost communication with the server."


def request() -> dict[str, Any]:
    """Return the command as the runner needs it: arguments, the scripts among them, and the environment."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    scripts = {}
    for argument in sys.argv[2:]:
        if os.path.isfile(argument):  # noqa: PTH113  pathlib takes longer to import
            with open(argument) as file:  # noqa: PTH123
                scripts[argument] = file.read()
    return {"arguments": sys.argv[1:], "scripts": scripts, "environment": environment}


def ask(question: dict[str, Any]) -> dict[str, Any]:
    """Ask the dispatcher; exit if it does not know the command, whose job has then been cancelled."""
    url = urlsplit(os.environ["GITHUB_SERVER_URL"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    headers = {"Authorization": f"Bearer {os.environ['ACTIONS_RUNTIME_TOKEN']}"}
    path = f"/_actions/runs/{os.environ['GITHUB_RUN_ID']}/commands"
    body = json.dumps({"job": os.environ["LOCAL_JOB_ID"], **question})
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    if response.status != 200:
        sys.exit(f"the local dispatcher refused the command: HTTP {response.status}")
    answer: dict[str, Any] = json.loads(response.read())
    connection.close()
    return answer


def main() -> None:
    """Print the command's output until it ends; exit with its code."""
    answer = ask({"request": request()})
    while True:
        sys.stdout.buffer.write(base64.b64decode(answer["output"]))
        sys.stdout.flush()
        if answer["code"] is not None or answer["lost"]:
            break
        time.sleep(POLL_S)
        answer = ask({"number": answer["number"]})
    if answer["code"] is None:
        print(f"::error::{LOST}", flush=True)
    for name, text in answer["files"].items():
        if name in FILES and text:
            with open(os.environ[name], "a") as file:  # noqa: PTH123
                file.write(text)
    if answer["code"] != 0:
        time.sleep(DRAIN_S)
    sys.exit(1 if answer["code"] is None else answer["code"])


if __name__ == "__main__":
    main()
