"""A command whose job fails is answered all the same: by the bot, or by the script that needs no bot."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.store import Store
from bot.github.command_comment import handle_comment
from tests import ROOT
from tests.helpers.local_github import TAXONOMY
from tests.helpers.local_hub import free_port

SCRIPT = ROOT / ".github/actions/answer/answer.py"


def said(lab: Any, text: str) -> dict[str, Any]:
    """The event of a maintainer's comment on the pull request."""
    comment = lab.as_("maintainer").get_issue(1).create_comment(text)
    return {"issue": {"number": 1, "pull_request": {}}, "comment": {"id": comment.id, "body": text}}


def answers(lab: Any) -> list[str]:
    return [comment.body for comment in lab.as_("outsider").get_issue(1).get_comments()]


def script(lab: Any, folder: Path, event: dict[str, Any], **changed: str) -> subprocess.CompletedProcess[str]:
    """Runs the script as the workflow does, in a job whose token may comment."""
    (folder / "event.json").write_text(json.dumps(event))
    environment = {
        "PATH": os.environ["PATH"],
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_API_URL": f"{lab.url}/api/v3",
        "GITHUB_SERVER_URL": lab.url,
        "GITHUB_REPOSITORY": TAXONOMY,
        "GITHUB_RUN_ID": "7",
        "GITHUB_TOKEN": lab.token("arborist[bot]"),
        **changed,
    }
    command = [sys.executable, "-I", "-S", str(SCRIPT)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_hub_that_is_down_is_told_in_the_answer(
    lab: Any, proposal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    event, store = said(lab, "/arborist explain leaf"), Store(str(tmp_path))
    bot = lab.as_("arborist[bot]")
    assert handle_comment(bot, load_recipe(ROOT / "arborist.yaml"), store, event) is None
    (answer,) = [body for body in answers(lab) if "failed" in body]
    assert "`/arborist explain` failed: reading the releases of" in answer
    assert "cannot be reached" in answer


@pytest.mark.parametrize("text", ["/arborist status", "Please:\r\n/Arborist sample 3", "/arborist"])
def test_the_script_answers_a_command(lab: Any, proposal: Any, tmp_path: Path, text: str) -> None:
    done = script(lab, tmp_path, said(lab, text))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (answer,) = [body for body in answers(lab) if "could not be carried out" in body]
    assert f"[Its log]({lab.url}/{TAXONOMY}/actions/runs/7)" in answer


def test_the_script_does_not_answer_what_is_no_command(lab: Any, proposal: Any, tmp_path: Path) -> None:
    done = script(lab, tmp_path, said(lab, "I would say /arborist sample here."))
    assert done.returncode == 0
    assert not [body for body in answers(lab) if "could not" in body]


def test_a_github_that_is_down_is_one_line(lab: Any, proposal: Any, tmp_path: Path) -> None:
    down = f"http://127.0.0.1:{free_port()}"
    done = script(lab, tmp_path, said(lab, "/arborist status"), GITHUB_API_URL=down)
    assert done.returncode == 2
    assert done.stderr.startswith("arborist: the command cannot be answered: GitHub: ")
    assert done.stderr.count("\n") == 1
