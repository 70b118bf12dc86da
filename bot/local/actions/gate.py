"""The first step of each job here: asks the dispatcher to let the job begin, and waits until it does.

Runs by itself with nothing but the standard library; see prepare.py.
"""

import http.client
import json
import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit

POLL_S = 0.3


def stated() -> dict[str, Any]:
    """What the job states, its expressions evaluated by act."""
    groups: list[dict[str, Any]] = []
    while (group := os.environ.get(f"GATE_GROUP_{len(groups)}")) is not None:
        groups.append({"group": group, "cancels": os.environ[f"GATE_CANCELS_{len(groups)}"] == "true"})
    return {
        "key": os.environ["GATE_KEY"],
        "labels": os.environ["GATE_LABELS"],
        "timeout": os.environ["GATE_TIMEOUT"],
        "environment": os.environ["GATE_ENVIRONMENT"],
        "groups": groups,
    }


def ask(question: dict[str, Any]) -> dict[str, Any]:
    """Send one question to the dispatcher."""
    url = urlsplit(os.environ["GITHUB_SERVER_URL"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    headers = {"Authorization": f"Bearer {os.environ['ACTIONS_RUNTIME_TOKEN']}"}
    path = f"/_actions/runs/{os.environ['GITHUB_RUN_ID']}/gate"
    connection.request("POST", path, json.dumps(question), headers)
    response = connection.getresponse()
    if response.status != 200:
        sys.exit(f"the dispatcher answered {response.status} {response.reason}")
    answer: dict[str, Any] = json.loads(response.read())
    connection.close()
    return answer


def write(variable: str, values: dict[str, str]) -> None:
    """Add values to the file of a step's outputs or of its job's environment, whatever lines they hold."""
    with open(os.environ[variable], "a") as file:  # noqa: PTH123  pathlib takes longer to import
        for name, value in values.items():
            end = f"end_{os.urandom(8).hex()}"
            file.write(f"{name}<<{end}\n{value}\n{end}\n")


def move_in(workspace: str) -> None:
    """Let the following steps work in the folder that is kept on this machine, where one is."""
    if workspace:
        os.rmdir(os.environ["GITHUB_WORKSPACE"])  # noqa: PTH106
        os.symlink(workspace, os.environ["GITHUB_WORKSPACE"])  # noqa: PTH211


def main() -> None:
    """Wait for the answer; the exit status says whether the job may begin."""
    answer = ask(stated())
    print(f"job {answer['job']}", flush=True)
    write("GITHUB_ENV", {"LOCAL_JOB_ID": answer["job"]})
    if answer["review"]:
        print("waiting", flush=True)
    while answer["state"] == "wait":
        time.sleep(POLL_S)
        answer = ask({"job": answer["job"]})
    print("waited", flush=True)
    if answer["state"] == "refused":
        print(f"::error::{answer['why']}", flush=True)
        sys.exit(1)
    write("GITHUB_ENV", answer["environment"])
    write("GITHUB_OUTPUT", answer["outputs"])
    move_in(answer["machine"]["workspace"])


if __name__ == "__main__":
    main()
