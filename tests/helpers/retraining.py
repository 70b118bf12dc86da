"""What the story of the whole loop asks of its world: releases, retrainings, and the recipe."""

import json
from pathlib import Path
from typing import Any

import yaml
from github.Issue import Issue
from github.WorkflowRun import WorkflowRun
from huggingface_hub import HfApi, hf_hub_download

from bot.evaluate.retention import SHIPPED
from tests.helpers.loop import HANDBOOK_MODEL, git, push, repository, running

RETRAIN = "arborist candidate"


def train_quickly(owners: Path) -> None:
    """Let the recipe train for a short time.

    Fewer samples and general questions than otherwise: what is told is the way, not how much is learnt. So
    the gate lets every loss pass, since losses of so short a training differ from processor to processor.
    """
    recipe = owners / "arborist.yaml"
    text = recipe.read_text()
    fewer = {
        "samples: 40 ": "samples: 20 ",
        "batches: 8 ": "batches: 3 ",
        "samples: 350 ": "samples: 24 ",
        "epochs: 3\n    schedule: linear\n    replay": "epochs: 1\n    schedule: linear\n    replay",
        "ensemble: 2 ": "ensemble: 1 ",
        "max_new_tokens: 32": "max_new_tokens: 20\n  general: general.yaml",
        "passages: 3 ": "passages: 1 ",
        "\ngate:": "\ntrial:\n  epochs: 1.5\n\ngate:",
        "  margin: 0.3 ": "  margin: 1 ",
        "leaf_margin: 0.5 ": "leaf_margin: 1 ",
        "retention_margin: 0.4 ": "retention_margin: 1 ",
        "near_miss_margin: 0.5 ": "near_miss_margin: 1 ",
    }
    for old, new in fewer.items():
        assert old in text
        text = text.replace(old, new)
    recipe.write_text(text)
    general = yaml.safe_load(SHIPPED.read_text())
    every = general["questions"]
    few = [*every[:12], *every[30:33], *every[43:45], *every[-7:]]
    (owners / "general.yaml").write_text(yaml.safe_dump({**general, "questions": few}))


def train_all_weights(owners: Path) -> None:
    """Change the recipe: all weights learn, not only new neurons, and general answers are to be kept.

    New neurons keep what the base knows: with them the same leaf changes no general answer.
    """
    git(owners, "pull", "--quiet")
    recipe = owners / "arborist.yaml"
    text = recipe.read_text()
    changes = {
        "  neurons: 128 ": "  # neurons: 128 ",
        "learning_rate: 2.0e-3": "learning_rate: 2.5e-4",
        "    epochs: 3\n": "    epochs: 0.3\n",  # of the knowledge phase, which is of no account here
        "retention_margin: 1 ": "retention_margin: 0.1 ",
        "passages: 1 ": "passages: 0 ",  # the exams with passages take as long as those without
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    recipe.write_text(text)
    push(owners, "Train all weights [skip ci]")


def refused_issue(book: dict[str, Any]) -> Issue:
    """The one open issue on a refused release."""
    [issue] = repository(book, "outsider").get_issues(state="open", labels=["refused"])
    return issue


def on_main(book: dict[str, Any]) -> str:
    """The release that whoever names no revision gets."""
    cache = f"{book['data']}/seen"
    path = hf_hub_download(HANDBOOK_MODEL, "manifest.json", endpoint=book["hub"], cache_dir=cache)
    return str(json.loads(Path(path).read_text())["release"])


def released(book: dict[str, Any], tag: str, folder: Path) -> dict[str, Any]:
    """The manifest of a release."""
    path = hf_hub_download(
        HANDBOOK_MODEL, "manifest.json", revision=tag, endpoint=book["hub"], cache_dir=folder
    )
    manifest: dict[str, Any] = json.loads(Path(path).read_text())
    return manifest


def tags(book: dict[str, Any]) -> list[str]:
    api = HfApi(endpoint=book["hub"])
    found = api.list_repo_refs(HANDBOOK_MODEL).tags if api.repo_exists(HANDBOOK_MODEL) else []
    return sorted(tag.name for tag in found)


def ended(book: dict[str, Any]) -> list[WorkflowRun]:
    """The runs of retrain.yml that have ended, the oldest first."""
    runs = repository(book, "maintainer").get_workflow("retrain.yml").get_runs(status="completed")
    return sorted(runs, key=lambda run: run.id)


def kill() -> None:
    """Kill the retraining that is in progress; a later one waits for it."""
    of_run = {process: int(process.environ()["GITHUB_RUN_ID"]) for process in running(RETRAIN)}
    for process, run in of_run.items():
        if run == min(of_run.values()):
            process.kill()
