"""Comments on merged pull requests: the release and its exam results, or why there is no release."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

from github.GithubException import UnknownObjectException
from github.Repository import Repository

from bot.core.progress import say
from bot.evaluate.gate import Verdict
from bot.github.comment import Posted, find_comment, update_comment
from bot.github.render import render
from bot.release.hub import Release
from bot.taxonomy.layout import DEFAULT, Layout

MOST_OVERLAPS = 20
"""How many overlaps with other leaves one comment lists."""
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


def announce_release(repository: Repository, release: Release, layout: Layout = DEFAULT) -> list[Posted]:
    """Announce a release on every pull request that is new in it. Announcing it again changes nothing."""
    leaves = [_row(leaf["path"], leaf["exam"]) for leaf in release.manifest["leaves"]]
    posted = []
    for number in release.manifest["pulls"]:
        pull = repository.get_pull(number)
        own = touched(leaves, [file.filename for file in pull.get_files()], layout)
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
    """Describe how other leaves overlap with these; older manifests do not record overlaps."""
    pairs = release.manifest.get("overlaps", ())
    return [pair["text"] for pair in pairs if pair["leaf"] in own or pair["other"] in own][:MOST_OVERLAPS]


def announce_refusal(
    repository: Repository,
    pulls: Sequence[int],
    verdict: Verdict,
    leaves: Sequence[dict[str, Any]],
    layout: Layout = DEFAULT,
) -> list[Posted]:
    """Report on every pull request of a failed release why the gate failed."""
    posted = []
    for number in pulls:
        pull = repository.get_pull(number)
        own = touched(leaves, [file.filename for file in pull.get_files()], layout)
        text = render("gate", reasons=verdict.reasons, leaves=own or leaves)
        posted.append(update_comment(pull, {"release": text, "next": ""}))
    return posted


def announce_broken(repository: Repository, pulls: Sequence[int], reason: str) -> list[Posted]:
    """Report on every merged pull request that nothing is released because main contains an error."""
    text = render("unreadable", reason=reason)
    return [update_comment(repository.get_pull(number), {"release": text, "next": ""}) for number in pulls]


def touched(
    leaves: Sequence[dict[str, Any]], files: Sequence[str], layout: Layout = DEFAULT
) -> list[dict[str, Any]]:
    """Return the leaves that contain one of these files of the repository."""
    folders = [(leaf, f"{layout.prefix}{leaf['path']}/") for leaf in leaves]
    return [leaf for leaf, folder in folders if any(name.startswith(folder) for name in files)]


def _row(path: str, exam: dict[str, Any]) -> dict[str, Any]:
    return {"path": path, **exam}
