"""Answer a slash command whose job failed before it could answer; uses Python's standard library alone.

The job may have failed because the bot could not be installed, or because it was killed. No answer is posted
if no line of the comment starts with `/arborist`.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_S = 30


def answer(event: dict[str, object], run: str) -> str:
    """Return the answer to an `issue_comment` event; "" if its comment holds no command.

    Args:
        run: the URL of the workflow run.
    """
    comment = event["comment"]
    text = str(comment.get("body") or "") if isinstance(comment, dict) else ""
    if not any(line.lower().startswith("/arborist") for line in text.splitlines()):
        return ""
    return (
        "The command could not be carried out: the job failed before it could answer. "
        f"[Its log]({run}) shows why. Give the command again in a new comment; "
        "if that fails too, a maintainer has to fix the cause."
    )


def post(url: str, token: str, text: str) -> None:
    """Post a comment."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "Content-Type": "application/json",
        "User-Agent": "arborist",
    }
    data = json.dumps({"body": text}).encode()
    request = urllib.request.Request(url, data, headers, method="POST")  # noqa: S310  # GitHub's API
    with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
        pass


def main() -> int:
    """Answer the event of this workflow run; returns the exit code."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_bytes())
    repository = os.environ["GITHUB_REPOSITORY"]
    run = f"{os.environ['GITHUB_SERVER_URL']}/{repository}/actions/runs/{os.environ['GITHUB_RUN_ID']}"
    text = answer(event, run)
    if not text:
        return 0
    number = int(event["issue"]["number"])
    url = f"{os.environ['GITHUB_API_URL']}/repos/{repository}/issues/{number}/comments"
    try:
        post(url, os.environ["GITHUB_TOKEN"], text)
    except (urllib.error.URLError, TimeoutError) as error:
        print(f"arborist: the command cannot be answered: GitHub: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
