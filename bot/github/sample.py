"""What a GPU runner does for a pull request: samples of it, and today's model's answers to its questions."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from github.Repository import Repository

from bot.errors import UserError
from bot.evaluate import Examination
from bot.generate.exit_check import spells_token
from bot.generate.filters import takes
from bot.generate.generated import Generated
from bot.generate.sample import Sample
from bot.github.checks import report_check
from bot.github.comment import Posted, update_comment
from bot.github.render import render
from bot.github.work import check_name, fail
from bot.models import model_folder
from bot.recipe import Recipe
from bot.reconcile import SAMPLE, Trial, precheck, sample, trial
from bot.store import Store
from bot.taxonomy.fetch import Access, basic_auth, network_environment
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import changed_leaves, load_tree_at, resolve

SAMPLES_SHOWN = 6
MOST_SAMPLES = 200
MOST_FOLDED = 20
VERDICTS = {
    "rephrased": "asks the same as your question",
    "asked": "the passage answers it",
    "new": "done as your examples are",
    "seed": "your example",
    "framed": "your example, asked in other words",
    "restated": "your answer in another form",
    "grounded": "your question with its passage",
    "recite": "learnt by heart from the document",
    "keywords": "a question cut down to its key words",
}
"""What a sample of a kind has shown on its way through the filters."""
GIVEN_SHOWN = 2
"""Of each kind of sample that no teacher made."""
MOST_LEAVES = 20
"""Leaves that are looked at when none is named."""
FETCH_TIMEOUT_S = 300
NEXT = (
    "**What comes next:** where the samples say what the contribution means, a maintainer merges, and the "
    "next release learns it. Where they do not, more seed examples, or other ways of saying it, usually help."
)
_LEAF = re.compile(r"[\w./-]+")


class Pushed(UserError):
    """The pull request has another head than the commit that the command was for."""


def work_on_pull(
    repository: Repository,
    folder: Path,
    number: int,
    sha: str,
    command: str,
    arguments: str,
    recipe: Recipe,
    store: Store,
) -> Posted:
    """Sample the leaves that a pull request changes, precheck or try them, and post what came of it.

    Args:
        folder: a checkout of main; the pull request's objects are fetched into it and read as data.
        sha: the commit that the maintainer saw.
        command: sample, precheck or trial.
        arguments: how many samples to show, and which leaves, as the command's line had them.

    Raises:
        UserError: it could not be done, which the pull request has been told; or its head is another now.
    """
    try:
        wanted, named = read_arguments(arguments)
        fetch_pull(folder, number, sha)
        leaves, left_out = _leaves(folder, sha, named, recipe.documents)
        parts = {}
        if command == "sample":
            parts["next"] = NEXT
            generated = sample(leaves, recipe, store, wanted or SAMPLE)
            parts["sample"] = _sample_part(sha, generated, wanted or SAMPLES_SHOWN, left_out, recipe)
        if command == "trial":
            parts["trial"] = _trial_part(sha, leaves, trial(leaves, recipe, store, wanted or SAMPLE))
        else:
            examined, model = precheck(leaves, recipe, store)
            parts["precheck"] = _precheck_part(sha, leaves, examined, model)
        pull = repository.get_pull(number)
        if pull.head.sha != sha:
            raise Pushed(f"pull request {number} was pushed to meanwhile: {sha[:7]} is void", code=1)
    except UserError as error:
        _tell_failure(repository, number, sha, command, error)
        raise
    posted = update_comment(pull, parts)
    title = " and ".join(sorted(set(parts) - {"next"}, reverse=True))
    report_check(repository, check_name(command), sha, "success", f"{title}: see the comment", posted.url)
    return posted


def read_arguments(text: str) -> tuple[int | None, list[str]]:
    """The number of samples and the leaves in a command's line.

    Raises:
        UserError: something in it is neither.
    """
    number, leaves = None, []
    for word in text.replace("`", " ").split():
        if word.isdecimal() and number is None and 0 < int(word[:9]) <= MOST_SAMPLES:
            number = int(word)
        elif _LEAF.fullmatch(word) and not word.isdecimal():
            leaves.append(word.removeprefix("taxonomy/").strip("/"))
        else:
            raise UserError(
                f"{word[:60]!r} is neither a number of samples (1 to {MOST_SAMPLES}) nor a leaf", code=1
            )
    return number, leaves


def _leaves(folder: Path, sha: str, named: Sequence[str], access: Access) -> tuple[list[Leaf], int]:
    """The leaves that are looked at, and how many are left out."""
    changes = changed_leaves(folder, "HEAD", sha)
    changed = {*changes.added, *changes.changed}
    unknown = [path for path in named if path not in changed]
    if unknown:
        raise UserError(f"{unknown[0]!r} is no leaf that this pull request adds or changes", code=1)
    if not changed:
        raise UserError("this pull request adds or changes no leaf", code=1)
    chosen = sorted(named or changed)[: len(named) or MOST_LEAVES]
    leaves = load_tree_at(folder, sha, only=chosen, access=access)
    return leaves, len(changed) - len(chosen) if not named else 0


def _tell_failure(repository: Repository, number: int, sha: str, command: str, error: UserError) -> None:
    void = isinstance(error, Pushed)
    fix = (
        "Read the newest commit, and give the command again."
        if void
        else "Once that is fixed, `/arborist retry` does it again."
    )
    title = "void: the pull request was pushed to" if void else "not done: see the comment"
    conclusion = "cancelled" if void else "failure"
    fail(repository, repository.get_pull(number), sha, command, str(error), fix, title, conclusion)


def fetch_pull(folder: Path, number: int, sha: str) -> None:
    """Fetch a pull request's objects into a checkout, without checking anything out.

    Raises:
        UserError: it cannot be fetched.
        Pushed: its head is not `sha` any more.
    """
    ref = f"refs/pull/{number}/head"
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    environment = network_environment() | basic_auth(f"{server}/", os.environ.get("GITHUB_TOKEN", ""))
    # Without the machine's settings git does not know that this folder may be somebody else's.
    safe = {"safe.directory": str(folder.resolve()), "credential.helper": "", "core.hooksPath": os.devnull}
    options = [part for name, value in safe.items() for part in ("-c", f"{name}={value}")]
    command = ["git", "-C", str(folder), *options, "fetch", "--quiet", "--no-tags", "origin", f"+{ref}:{ref}"]
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
    found = resolve(folder, ref)
    if found != sha:
        raise Pushed(
            f"pull request {number} was pushed to meanwhile: asked for {sha[:7]}, it is {found[:7]}", code=1
        )


def _sample_part(sha: str, generated: Sequence[Generated], shown: int, left_out: int, recipe: Recipe) -> str:
    leaves = [
        {
            "path": made.leaf,
            "samples": [_judged(sample) for sample in made.samples[: min(shown, made.funnel.accepted)]],
            "rest": [_judged(sample) for sample in made.samples[shown : made.funnel.accepted][:MOST_FOLDED]],
            "accepted": made.funnel.accepted,
            "candidates": made.funnel.candidates,
            "dropped": [
                (count, takes(name), made.funnel.examples[name][0])
                for name, count in sorted(made.funnel.dropped.items(), key=lambda item: -item[1])
            ],
            **_without_teacher(made, model_folder(recipe.student.model)),
        }
        for made in generated
    ]
    return render("sample", sha=sha, leaves=leaves, left_out=left_out, wanted=recipe.generate.samples)


def _without_teacher(made: Generated, student: Path) -> dict[str, Any]:
    """The samples that the leaf's own text gave, by kind, and what the exit check takes of all samples."""
    kinds: dict[str, list[Sample]] = {}
    refusals = list(made.funnel.refusals)
    refused = made.funnel.refused
    for place, one in enumerate(made.samples):
        reason = spells_token(one, student)
        if reason is not None:
            refused += 1
            refusals.append(f"{one.kind} of {one.source} ({reason})")
        elif place >= made.funnel.accepted:
            kinds.setdefault(one.kind, []).append(one)
    shown = [sample for samples in kinds.values() for sample in samples[:GIVEN_SHOWN]]
    return {
        "given": [(kind, len(samples)) for kind, samples in kinds.items()],
        "given_shown": [_judged(sample) for sample in shown],
        "refused": refused,
        "refusals": refusals[:GIVEN_SHOWN],
    }


def _judged(sample: Sample) -> dict[str, str]:
    """What a person needs to judge a sample: the exchange, where it is from, and why it was let through."""
    return {
        **sample.exchange(),
        "source": sample.source,
        "passage": sample.context or "",
        "verdict": VERDICTS.get(sample.kind, "passed all filters"),
    }


def _precheck_part(sha: str, leaves: Sequence[Leaf], examined: Examination, model: str) -> str:
    return render("precheck", sha=sha, model=model, leaves=[_checked(leaf.path, examined) for leaf in leaves])


def _trial_part(sha: str, leaves: Sequence[Leaf], tried: Trial) -> str:
    return render(
        "trial",
        sha=sha,
        tried=tried,
        leaves=[
            {
                "path": leaf.path,
                "before": tried.before.tally(leaf.path),
                "after": tried.after.tally(leaf.path),
                "answers": list(
                    zip(tried.before.leaves[leaf.path], tried.after.leaves[leaf.path], strict=True)
                ),
            }
            for leaf in leaves
        ],
        kept=(
            sum(answer.right for answer in tried.before.retention),
            sum(answer.right for answer in tried.after.retention),
            len(tried.after.retention),
        ),
    )


def _checked(path: str, examined: Examination) -> dict[str, Any]:
    right, asked = examined.score(path)
    answers = examined.leaves[path]
    return {
        "path": path,
        "verdict": verdict(right, asked),
        "right": right,
        "asked": asked,
        "answers": answers,
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
