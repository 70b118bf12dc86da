"""A sample on a pull request: generated questions and answers, and what today's model answers."""

import base64
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from github.Repository import Repository

from bot.errors import UserError
from bot.evaluate import Examination
from bot.generate import Generated
from bot.github.checks import report_check
from bot.github.comment import Posted, update_comment
from bot.github.render import render
from bot.recipe import Recipe
from bot.reconcile import sample
from bot.store import Store
from bot.taxonomy.tree import changed_leaves, load_tree_at

SAMPLES_SHOWN = 6
FETCH_TIMEOUT_S = 300


def sample_pull(
    repository: Repository, folder: Path, number: int, sha: str, recipe: Recipe, store: Store
) -> Posted:
    """Sample the leaves that a pull request changes, and post what came of it.

    Args:
        folder: a checkout of main; the pull request's objects are fetched into it and read as data.
        sha: the commit that the maintainer saw.
    """
    fetch_pull(folder, number, sha)
    try:
        changes = changed_leaves(folder, "HEAD", sha)
        leaves = load_tree_at(folder, sha, only={*changes.added, *changes.changed})
    except UserError as error:
        pull = repository.get_pull(number)
        text = render("broken", sha=sha, reason=str(error))
        posted = update_comment(pull, {"sample": text})
        report_check(repository, "arborist sample", sha, "failure", "not sampled", posted.url)
        raise
    sampled, examined, model = sample(leaves, recipe, store)
    return post_sample(repository, number, sha, model, sampled, examined)


def fetch_pull(folder: Path, number: int, sha: str) -> None:
    """Fetch a pull request's objects into a checkout, without checking anything out.

    Raises:
        UserError: it cannot be fetched, or its head is not `sha` any more.
    """
    ref = f"refs/pull/{number}/head"
    # The token goes by environment: a command line can be read by every process of the machine.
    secret = base64.b64encode(f"x-access-token:{os.environ.get('GITHUB_TOKEN', '')}".encode()).decode()
    environment = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {secret}",
    }
    command = ["git", "-C", str(folder), "fetch", "--quiet", "--no-tags", "origin", f"+{ref}:{ref}"]
    try:
        subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"pull request {number}: fetching it took over {FETCH_TIMEOUT_S} s; run again"
        ) from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"pull request {number} cannot be fetched: {error.stderr.strip()[:300]}") from None
    found = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", ref], check=True, capture_output=True, text=True
    ).stdout.strip()
    if found != sha:
        raise UserError(
            f"pull request {number} was pushed to meanwhile: asked for {sha[:7]}, it is {found[:7]}", code=1
        )


def post_sample(
    repository: Repository,
    number: int,
    sha: str,
    model: str,
    sampled: Sequence[Generated],
    examined: Examination,
) -> Posted:
    """Post the comment's part `sample` and the check.

    Args:
        sha: the commit that was sampled; a push since then makes the result void.
        model: today's model, as people call it ("v3", "the base model").

    Raises:
        UserError: the pull request has another head now.
    """
    pull = repository.get_pull(number)
    if pull.head.sha != sha:
        raise UserError(
            f"pull request {number} was pushed to meanwhile: sampled {sha[:7]}, not posted", code=1
        )
    leaves = [_leaf(made, examined) for made in sampled]
    posted = update_comment(pull, {"sample": render("sample", sha=sha, model=model, leaves=leaves)})
    title = f"{sum(leaf['accepted'] for leaf in leaves)} samples"
    report_check(repository, "arborist sample", sha, "success", title, posted.url)
    return posted


def _leaf(made: Generated, examined: Examination) -> dict[str, Any]:
    right, asked = examined.score(made.leaf)
    dropped = ", ".join(f"{count} by {name}" for name, count in made.funnel.dropped.items() if count)
    return {
        "path": made.leaf,
        "verdict": verdict(right, asked),
        "samples": [sample.exchange() for sample in made.samples[:SAMPLES_SHOWN]],
        "accepted": made.funnel.accepted,
        "candidates": made.funnel.candidates,
        "dropped": dropped,
        "right": right,
        "asked": asked,
        "answers": examined.leaves[made.leaf],
    }


def verdict(right: int, asked: int) -> str:
    """The precheck in a sentence: does the model need this leaf?"""
    if not asked:
        return "there is nothing to ask the model"
    if right >= 0.8 * asked:
        return f"the model already knows {right} of {asked}; this leaf adds little"
    if right <= 0.2 * asked:
        return f"new to the model: it knows {right} of {asked}"
    return f"partly new to the model: it knows {right} of {asked}"
