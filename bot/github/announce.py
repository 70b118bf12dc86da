"""The closing word on merged pull requests: released with these numbers, or why not."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

from github.GithubException import UnknownObjectException
from github.Repository import Repository

from bot.evaluate.gate import Verdict
from bot.github.comment import Posted, find_comment, update_comment
from bot.github.render import render
from bot.progress import say
from bot.release.hub import Release

MOST_OVERLAPS = 20
"""Other leaves that one comment speaks of."""
LOOKED_AT = 60
"""Closed pull requests, the last touched first, that are looked at before the first release."""


def merged_pulls(repository: Repository, commits: Sequence[str]) -> list[int]:
    """The merged pull requests that brought these commits into the default branch."""
    numbers: set[int] = set()
    for sha in commits:
        try:
            pulls = list(repository.get_commit(sha).get_pulls())
        except UnknownObjectException:
            say(f"commit {sha[:7]} is not on GitHub; no pull request is told of it")
            continue
        numbers |= {pull.number for pull in pulls if pull.merged_at is not None}
    return sorted(numbers)


def known_pulls(repository: Repository, commits: Collection[str]) -> list[int]:
    """The merged pull requests among these commits that the bot has spoken on; for the first release.

    Those that were merged before the bot came are not told of it, however many there are.
    """
    closed = repository.get_pulls(
        state="closed", base=repository.default_branch, sort="updated", direction="desc"
    )
    merged = [p for p in islice(closed, LOOKED_AT) if p.merged_at and p.merge_commit_sha in commits]
    return sorted(pull.number for pull in merged if find_comment(pull) is not None)


def announce_release(repository: Repository, release: Release) -> list[Posted]:
    """Tell every pull request that is new in a release; telling twice changes nothing."""
    leaves = [_row(leaf["path"], leaf["exam"]) for leaf in release.manifest["leaves"]]
    posted = []
    for number in release.manifest["pulls"]:
        pull = repository.get_pull(number)
        own = touched(leaves, [file.filename for file in pull.get_files()])
        text = render(
            "release",
            tag=release.tag,
            url=release.url,
            repository=release.repository,
            leaves=own or leaves,
            overlaps=_overlaps(release, {leaf["path"] for leaf in own}),
        )
        posted.append(update_comment(pull, {"release": text, "next": ""}))
    return posted


def _overlaps(release: Release, own: Collection[str]) -> list[str]:
    """What other leaves have to do with these, for their authors; a manifest from before may say nothing."""
    pairs = release.manifest.get("overlaps", ())
    return [pair["text"] for pair in pairs if pair["leaf"] in own or pair["other"] in own][:MOST_OVERLAPS]


def announce_refusal(
    repository: Repository, pulls: Sequence[int], verdict: Verdict, leaves: Sequence[dict[str, Any]]
) -> list[Posted]:
    """Tell every pull request of a release that the gate refused, and why."""
    posted = []
    for number in pulls:
        pull = repository.get_pull(number)
        own = touched(leaves, [file.filename for file in pull.get_files()])
        text = render("gate", reasons=verdict.reasons, leaves=own or leaves)
        posted.append(update_comment(pull, {"release": text, "next": ""}))
    return posted


def announce_broken(repository: Repository, pulls: Sequence[int], reason: str) -> list[Posted]:
    """Tell every merged pull request that main cannot be read as it is, so that nothing is released."""
    text = render("unreadable", reason=reason)
    return [update_comment(repository.get_pull(number), {"release": text, "next": ""}) for number in pulls]


def touched(leaves: Sequence[dict[str, Any]], files: Sequence[str]) -> list[dict[str, Any]]:
    """Of the leaves, those that have a file among these."""
    return [leaf for leaf in leaves if any(name.startswith(f"taxonomy/{leaf['path']}/") for name in files)]


def _row(path: str, exam: dict[str, Any]) -> dict[str, Any]:
    return {"path": path, **exam}
