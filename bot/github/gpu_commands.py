"""GPU work for a pull request: generate samples, precheck today's model, or train a trial adapter."""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from github.Repository import Repository

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.sample import Sample
from bot.core.store import Store
from bot.evaluate.examine import Examination, known_to
from bot.evaluate.exams import exam_status
from bot.generate.exit_check import spells_token
from bot.generate.filters import takes
from bot.generate.leaf_samples import Generated
from bot.github.checks import CheckReport, report_check
from bot.github.client import run_url
from bot.github.comment import Posted, update_comment
from bot.github.gpu_work import NEXT_WITH_RESULTS, Failure, begun, check_name, fail
from bot.github.render import render
from bot.inference.models import model_folder
from bot.pipeline.preview import SAMPLE, Trial, precheck, sample, trial
from bot.taxonomy.changes import changed_leaves
from bot.taxonomy.fetch import basic_auth, network_environment
from bot.taxonomy.files import resolve
from bot.taxonomy.layout import Layout
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import BrokenLeaf, read_tree_at
from bot.text.escape_markdown import escape

SAMPLES_SHOWN = 6
MOST_SAMPLES = 200
MOST_FOLDED = 20
VERDICTS = {
    "rephrased": "asks the same as your question",
    "asked": "the passage answers it",
    "new": "follows the pattern of your examples",
    "seed": "your example",
    "framed": "your example, asked in other words",
    "restated": "your answer in another form",
    "grounded": "your question with its passage",
    "recite": "a passage of the document, to be learned by heart",
    "keywords": "a question shortened to its key words",
}
"""For each kind of sample, what the filters have verified or how the sample was made."""
GIVEN_SHOWN = 2
"""How many samples of each kind that needs no teacher model are shown."""
MOST_LEAVES = 20
"""How many leaves are sampled if the command names none."""
FETCH_TIMEOUT_S = 300
REASON_SHOWN = 400
"""Maximum length of the reason why a leaf cannot be read, in characters."""
NEXT = (
    "**What comes next:** if the samples match what the contribution means, a maintainer merges it and the "
    "next release learns it. If they do not, add seed examples or rephrase them."
)
_LEAF = re.compile(r"[\w./-]+")


class Pushed(UserError):
    """Raised if the pull request's head is no longer the commit that the command was for."""


@dataclass(frozen=True)
class Order:
    """A command for a pull request.

    Attributes:
        number: the number of the pull request.
        sha: the commit that the author of the command saw.
        command: sample, precheck or trial.
        arguments: the arguments of the command: how many samples to show, and which leaves.
    """

    number: int
    sha: str
    command: str
    arguments: str = ""


def work_on_pull(repository: Repository, folder: Path, order: Order, recipe: Recipe, store: Store) -> Posted:
    """Run a command on the leaves that a pull request changes, and post the result.

    Args:
        folder: a checkout of main; the pull request's objects are fetched into it and read as data.

    Raises:
        UserError: the work failed, or the pull request has a new head; the comment says why.
    """
    number, sha, command = order.number, order.sha, order.command
    try:
        wanted, named = read_arguments(order.arguments, recipe.taxonomy)
        fetch_pull(folder, number, sha)
        begun(repository, number, sha, command)
        leaves, left_out, broken = _leaves(folder, sha, named, recipe)
        parts = {}
        parts["next"] = NEXT if command == "precheck" else NEXT_WITH_RESULTS
        if command == "sample":
            generated = sample(leaves, recipe, store, wanted or SAMPLE)
            parts["sample"] = _sample_part(sha, generated, wanted or SAMPLES_SHOWN, left_out, recipe)
        if command == "trial":
            parts["trial"] = _trial_part(sha, leaves, trial(leaves, recipe, store, wanted or SAMPLE))
        else:
            examined, model = precheck(leaves, recipe, store)
            parts["precheck"] = _precheck_part(sha, leaves, examined, model)
        _add_broken(parts, broken)
        pull = repository.get_pull(number)
        if pull.head.sha != sha:
            raise Pushed(f"pull request {number} has new commits; {sha[:7]} is no longer its head", code=1)
    except Exception as error:
        _report_failure(repository, order, error)
        raise
    posted = update_comment(pull, parts)
    title = " and ".join(sorted(set(parts) - {"next"}, reverse=True))
    report = CheckReport("success", f"{title}: see the comment", posted.url)
    report_check(repository, check_name(command), sha, report)
    return posted


def read_arguments(text: str, layout: Layout) -> tuple[int | None, list[str]]:
    """Parse the arguments of a command: the number of samples, and the leaves.

    Raises:
        UserError: an argument is neither.
    """
    number, leaves = None, []
    for word in text.replace("`", " ").split():
        if word.isdecimal() and number is None and 0 < int(word[:9]) <= MOST_SAMPLES:
            number = int(word)
        elif _LEAF.fullmatch(word) and not word.isdecimal():
            leaves.append(layout.leaf(word))
        else:
            raise UserError(
                f"{word[:60]!r} is neither a number of samples (1 to {MOST_SAMPLES}) nor a leaf", code=1
            )
    return number, leaves


def _leaves(
    folder: Path, sha: str, named: Sequence[str], recipe: Recipe
) -> tuple[list[Leaf], int, Sequence[BrokenLeaf]]:
    """Return the leaves to work on, how many changed leaves are left out, and those that cannot be read.

    Raises:
        UserError: a named leaf cannot be read, or none can.
    """
    changes = changed_leaves(folder, "HEAD", sha, recipe.taxonomy)
    changed = {*changes.added, *changes.changed}
    unknown = [path for path in named if path not in changed]
    if unknown:
        raise UserError(f"{unknown[0]!r} is not a leaf that this pull request adds or changes", code=1)
    if not changed:
        raise UserError("this pull request adds or changes no leaf", code=1)
    chosen = sorted(named or changed)[: len(named) or MOST_LEAVES]
    tree = read_tree_at(folder, sha, chosen, layout=recipe.taxonomy, access=recipe.documents)
    leaves = tree.all() if named else tree.usable()
    return leaves, len(changed) - len(chosen) if not named else 0, tree.broken


def _add_broken(parts: dict[str, str], broken: Sequence[BrokenLeaf]) -> None:
    """Add the leaves that cannot be read to the part with the results."""
    if broken:
        rows = [f"- {escape(leaf.path)}: {escape(leaf.reason, REASON_SHOWN)}" for leaf in broken]
        name = next(name for name in ("sample", "trial", "precheck") if name in parts)
        parts[name] += "\n\n" + "\n".join(["These leaves cannot be read, so they are left out here:", *rows])


def _report_failure(repository: Repository, order: Order, error: Exception) -> None:
    """Report why the work failed; of an error that nobody foresaw, its kind and where to read more."""
    void = isinstance(error, Pushed)
    fix = (
        "Review the newest commit, then give the command again."
        if void
        else "Once this is fixed, comment `/arborist retry`."
    )
    title = "cancelled: the pull request has new commits" if void else "failed: see the comment"
    conclusion = "cancelled" if void else "failure"
    if isinstance(error, UserError):
        reason = str(error)
    else:
        reason, fix = f"internal error: {type(error).__name__}", f"[The log]({run_url()}) shows more. {fix}"
    failure = Failure(reason, fix, title, conclusion)
    fail(repository, repository.get_pull(order.number), order.sha, order.command, failure)


def fetch_pull(folder: Path, number: int, sha: str) -> None:
    """Fetch a pull request's Git objects into a checkout, without checking them out.

    Raises:
        UserError: the pull request cannot be fetched.
        Pushed: its head is no longer `sha`.
    """
    ref = f"refs/pull/{number}/head"
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    environment = network_environment() | basic_auth(f"{server}/", os.environ.get("GITHUB_TOKEN", ""))
    # Git does not read the machine's settings here, so mark the folder, which another user may own, as safe.
    safe = {"safe.directory": str(folder.resolve()), "credential.helper": "", "core.hooksPath": os.devnull}
    options = [part for name, value in safe.items() for part in ("-c", f"{name}={value}")]
    command = ["git", "-C", str(folder), *options, "fetch", "--quiet", "--no-tags", "origin", f"+{ref}:{ref}"]
    try:
        subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"pull request {number}: fetching it took more than {FETCH_TIMEOUT_S} s; run again"
        ) from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"pull request {number} cannot be fetched: {error.stderr.strip()[:300]}") from None
    found = resolve(folder, ref)
    if found != sha:
        raise Pushed(
            f"pull request {number} has new commits: the command was for {sha[:7]}, its head is {found[:7]}",
            code=1,
        )


def _sample_part(sha: str, generated: Sequence[Generated], shown: int, left_out: int, recipe: Recipe) -> str:
    leaves = [
        {
            "path": made.leaf,
            "samples": [_judged(sample) for sample in made.samples[: min(shown, made.funnel.accepted)]],
            "rest": [_judged(sample) for sample in made.samples[shown : made.funnel.accepted][:MOST_FOLDED]],
            "accepted": made.funnel.accepted,
            "candidates": made.funnel.candidates,
            "notes": made.funnel.notes,
            "dropped": [
                (count, takes(name), made.funnel.examples[name][0])
                for name, count in sorted(made.funnel.dropped.items(), key=lambda item: -item[1])
            ],
            **_without_teacher(made, model_folder(recipe.student.model, weights=False)),
        }
        for made in generated
    ]
    return render("sample", sha=sha, leaves=leaves, left_out=left_out, wanted=recipe.generate.samples)


def _without_teacher(made: Generated, student: Path) -> dict[str, Any]:
    """Count the samples that need no teacher model, by kind, and those that the exit check refuses."""
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
    """Return what a person needs to judge a sample: question, answer, source, and why it was accepted."""
    return {
        **sample.exchange(),
        "source": sample.source,
        "passage": sample.context or "",
        "verdict": VERDICTS.get(sample.kind, "passed all filters"),
    }


def _precheck_part(sha: str, leaves: Sequence[Leaf], examined: Examination, model: str) -> str:
    return render("precheck", sha=sha, model=model, leaves=[_checked(leaf, examined) for leaf in leaves])


def _trial_part(sha: str, leaves: Sequence[Leaf], tried: Trial) -> str:
    near = [
        answer
        for leaf in leaves
        for answer in known_to(tried.before.near[leaf.path], tried.after.near[leaf.path])
    ]
    return render(
        "trial",
        sha=sha,
        tried=tried,
        leaves=[
            {
                "path": leaf.path,
                "status": _status(leaf),
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
        near=(sum(answer.right for answer in near), len(near)),
    )


def _status(leaf: Leaf) -> str:
    """Return the exam status of a leaf without exam.yaml; "" for others, whose exams may be shared."""
    return exam_status(leaf) if leaf.set_apart or not leaf.exam else ""


def _checked(leaf: Leaf, examined: Examination) -> dict[str, Any]:
    right, asked = examined.score(leaf.path)
    answers = examined.leaves[leaf.path]
    return {
        "path": leaf.path,
        "status": _status(leaf),
        "verdict": verdict(right, asked),
        "right": right,
        "asked": asked,
        "answers": answers,
    }


def verdict(right: int, asked: int) -> str:
    """Summarize a precheck in a phrase: does the model need this leaf?"""
    if not asked:
        return "there are no exam questions to ask the model"
    if right >= 0.8 * asked:
        return f"the model already knows {right} of {asked} answers; this leaf adds little"
    if right <= 0.2 * asked:
        return f"new to the model: it knows {right} of {asked} answers"
    return f"partly new to the model: it knows {right} of {asked} answers"
