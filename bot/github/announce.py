"""Comments on merged pull requests: that training has begun, the release, or why there is none."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from github.GithubException import UnknownObjectException
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.core.progress import say
from bot.evaluate.gate import Verdict
from bot.github.closing import closing_of, closing_word
from bot.github.comment import Posted, find_comment, read_parts, update_comment
from bot.github.render import render
from bot.github.retrain_queue import Turn
from bot.release.hub import Release
from bot.taxonomy.layout import DEFAULT, Layout

NOTHING_KNOWN = Turn()
WAITING = "### ⏳"
"""The beginning of the part `release` until there is a result."""
LOOKED_AT = 60
"""How many closed pull requests, the most recently updated first, are searched before the first release."""


def merged_pulls(repository: Repository, commits: Sequence[str]) -> list[int]:
    """Return the numbers of the merged pull requests that these commits belong to."""
    numbers: set[int] = set()
    for sha in commits:
        try:
            pulls = list(repository.get_commit(sha).get_pulls())
        except UnknownObjectException:
            say(f"commit {sha[:7]} is not on GitHub; no pull request is notified about it")
            continue
        numbers |= {pull.number for pull in pulls if pull.merged_at is not None}
    return sorted(numbers)


def known_pulls(repository: Repository, commits: Collection[str]) -> list[int]:
    """Return the merged pull requests among these commits on which the bot has commented.

    For the first release: pull requests that were merged before the bot was installed are not notified.
    """
    closed = repository.get_pulls(
        state="closed", base=repository.default_branch, sort="updated", direction="desc"
    )
    merged = [p for p in islice(closed, LOOKED_AT) if p.merged_at and p.merge_commit_sha in commits]
    return sorted(pull.number for pull in merged if find_comment(pull) is not None)


def announce_training(
    repository: Repository, pulls: Sequence[int], url: str, turn: Turn = NOTHING_KNOWN
) -> None:
    """Say on merged pull requests that the next release is on its way, unless a result stands there already.

    Args:
        url: the URL of the workflow run.
        turn: the run's place in the queue, and how long it is expected to take.
    """
    text = render("training", url=url, turn=turn)
    for number in pulls:
        pull = repository.get_pull(number)
        comment = find_comment(pull)
        part = read_parts(comment.body).get("release") if comment else None
        if not part or part.startswith(WAITING):
            _post(pull, text)


def announce_release(repository: Repository, release: Release, previous: Release | None) -> list[Posted]:
    """Announce a release on every pull request that is new in it. Announcing it again changes nothing.

    Args:
        previous: the release before; None if there is none.
    """
    return [
        _post(pull, closing_word(release, closing_of(release, previous, changed_files(pull))))
        for pull in map(repository.get_pull, release.manifest["pulls"])
    ]


def announce_unchanged(repository: Repository, release: Release, pulls: Sequence[int]) -> list[Posted]:
    """Say on merged pull requests that they changed nothing that the model learns, so there is no release."""
    posted = []
    for pull in map(repository.get_pull, pulls):
        text = closing_word(release, closing_of(release, release, changed_files(pull)), made=False)
        posted.append(_post(pull, text))
    return posted


def announce_removed(
    repository: Repository, release: Release, previous: Release, pulls: Sequence[int]
) -> list[Posted]:
    """Say on pull requests of earlier releases which of their leaves this release no longer contains."""
    posted = []
    for pull in map(repository.get_pull, pulls):
        closing = closing_of(release, previous, changed_files(pull))
        if closing.removed:
            still = sorted({*closing.same, *(row["path"] for row in closing.learnt)})
            word = closing_word(release, replace(closing, learnt=(), same=tuple(still)))
            posted.append(_post(pull, word))
    return posted


def _post(pull: PullRequest, text: str) -> Posted:
    """Set the part `release` of the comment; what was to be done before the merge is over."""
    return update_comment(pull, {"release": text, "next": ""})


def changed_files(pull: PullRequest) -> list[str]:
    """Return the paths that a pull request changes; both paths of a moved file."""
    changed = list(pull.get_files())
    return [file.filename for file in changed] + [
        file.previous_filename for file in changed if file.previous_filename
    ]


def announce_refusal(
    repository: Repository,
    pulls: Sequence[int],
    verdict: Verdict,
    leaves: Sequence[Mapping[str, Any]],
    layout: Layout = DEFAULT,
) -> list[Posted]:
    """Report on every pull request of a failed release why the gate failed."""
    posted = []
    for pull in map(repository.get_pull, pulls):
        own = touched(leaves, changed_files(pull), layout)
        text = render("gate", reasons=verdict.reasons, leaves=own or leaves)
        posted.append(_post(pull, text))
    return posted


def announce_broken(repository: Repository, pulls: Sequence[int], reason: str) -> list[Posted]:
    """Report on every merged pull request that nothing is released because main contains an error."""
    text = render("unreadable", reason=reason)
    return [_post(pull, text) for pull in map(repository.get_pull, pulls)]


def announce_failure(repository: Repository, pulls: Sequence[int], reason: str, url: str) -> list[Posted]:
    """Report on every merged pull request why the run that was to release it failed.

    Args:
        url: the URL of the workflow run.
    """
    text = render("stopped", reason=reason, url=url)
    return [_post(pull, text) for pull in map(repository.get_pull, pulls)]


def touched(
    leaves: Sequence[Mapping[str, Any]], files: Sequence[str], layout: Layout = DEFAULT
) -> list[Mapping[str, Any]]:
    """Return the leaves that contain one of these files of the repository."""
    folders = [(leaf, f"{layout.prefix}{leaf['path']}/") for leaf in leaves]
    return [leaf for leaf, folder in folders if any(name.startswith(folder) for name in files)]
