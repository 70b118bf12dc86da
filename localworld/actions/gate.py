"""The gate: the first step of each job, which asks the dispatcher whether the job may start, and waits.

A standalone program that uses only the standard library; see prepare.py.
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
    """Return the settings of the job, in which act has evaluated the expressions."""
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
    """Send a question to the dispatcher and return its answer; exit if the dispatcher refuses it."""
    url = urlsplit(os.environ["GITHUB_SERVER_URL"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    headers = {"Authorization": f"Bearer {os.environ['ACTIONS_RUNTIME_TOKEN']}"}
    path = f"/_actions/runs/{os.environ['GITHUB_RUN_ID']}/gate"
    connection.request("POST", path, json.dumps(question), headers)
    response = connection.getresponse()
    if response.status != 200:
        sys.exit(f"the local dispatcher refused the job: HTTP {response.status} {response.reason}")
    answer: dict[str, Any] = json.loads(response.read())
    connection.close()
    return answer


def write(variable: str, values: dict[str, str]) -> None:
    """Append values to the file of the step's outputs or of the job's environment; values may have newlines.

    Args:
        variable: the environment variable with the file's path: GITHUB_OUTPUT or GITHUB_ENV.
    """
    with open(os.environ[variable], "a") as file:  # noqa: PTH123  pathlib takes longer to import
        for name, value in values.items():
            end = f"end_{os.urandom(8).hex()}"
            file.write(f"{name}<<{end}\n{value}\n{end}\n")


def move_in(workspace: str) -> None:
    """Replace the job's workspace by a link to the runner's persistent work folder, if it has one."""
    if workspace:
        os.rmdir(os.environ["GITHUB_WORKSPACE"])  # noqa: PTH106
        os.symlink(workspace, os.environ["GITHUB_WORKSPACE"])  # noqa: PTH211


def main() -> None:
    """Wait until the job may start; exit with status 1 if it is refused.

    results.py parses the lines `job …`, `waiting` and `waited`.
    """
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
