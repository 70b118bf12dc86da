"""The GPU runner as GitHub knows it: its labels, its group, and whose workflows reach it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from github.GithubException import GithubException, UnknownObjectException
from github.Repository import Repository

from bot.diagnosis import Diagnosis, seen
from bot.errors import UserError

VARIABLE = "ARBORIST_RUNNER"
"""The repository's variable that says what sample.yml and retrain.yml run on, as JSON."""
LABELS = ("self-hosted", "gpu")
"""The labels where the variable is not set; the same as in these files."""
REFUSED = (403, 404)
"""What GitHub answers to a token that may not see an organization's settings."""


@dataclass(frozen=True)
class Wanted:
    """What the jobs that need a GPU run on; `group` is "" for runners of any group."""

    labels: tuple[str, ...]
    group: str = ""

    def __str__(self) -> str:
        labels = ", ".join(self.labels) or "any"
        return f"{labels} in the group {self.group}" if self.group else labels


def look(repository: Repository) -> Iterator[Diagnosis]:
    """Whether a runner with the wanted labels is online, and whether it forgets each job.

    Raises:
        UserError: the variable is not what `runs-on` takes.
    """
    wanted = wanted_runner(repository)
    online = _online(_own_runners(repository, wanted), wanted)
    online = online or _online(_runners_of_groups(repository, wanted), wanted)
    names = ", ".join(one["name"] for one in online)
    fix = f"none is online that has the labels {wanted}; register one, samples and retraining wait for it"
    yield seen("runner", bool(online), f"online: {names} ({wanted})", fix)
    kept = [one["name"] for one in online if not one.get("ephemeral")]
    if kept:
        advice = "register it with --ephemeral, so that no job finds what the one before left"
        yield Diagnosis(
            "ephemeral runner", "advice", f"{', '.join(kept)} keeps its disk between jobs; {advice}"
        )


def wanted_runner(repository: Repository) -> Wanted:
    """What the variable ARBORIST_RUNNER says, or else the default.

    Raises:
        UserError: it is not what `runs-on` takes.
    """
    value = variable(repository, VARIABLE)
    if not value:
        return Wanted(LABELS)
    stated: Any = None
    with suppress(ValueError):
        stated = json.loads(value)
    if not isinstance(stated, dict):
        stated = {"labels": stated}
    group, labels = stated.get("group", ""), stated.get("labels", [])
    labels = [labels] if isinstance(labels, str) else labels
    texts = isinstance(labels, list) and all(isinstance(one, str) for one in (*labels, group))
    if not texts or not (labels or group):
        example = '["self-hosted", "gpu"] or {"group": "gpus", "labels": ["gpu"]}'
        raise UserError(f"runner: the variable {VARIABLE} is {value!r}: give JSON such as {example}")
    return Wanted(tuple(labels), group)


def variable(repository: Repository, name: str) -> str:
    """A variable that the repository's workflows see; "" where it is not set."""
    try:
        return repository.get_variable(name).value
    except UnknownObjectException:
        return ""


def bound_group(repository: Repository) -> str:
    """The wanted runner's group, if only named workflows reach it; "" if not, or if that cannot be seen."""
    wanted = wanted_runner(repository).group
    if not wanted:
        return ""
    bound = (one["name"] for one in _groups(repository) if _is_bound(one))
    return next((name for name in bound if name.lower() == wanted.lower()), "")


def _is_bound(group: dict[str, Any]) -> bool:
    return bool(group.get("restricted_to_workflows") and group.get("selected_workflows"))


def _online(runners: Iterable[dict[str, Any]], wanted: Wanted) -> list[dict[str, Any]]:
    """The runners that are online and have all wanted labels."""
    labels = {label.lower() for label in wanted.labels}
    return [
        one
        for one in runners
        if one["status"] == "online" and labels <= {label["name"].lower() for label in one["labels"]}
    ]


def _own_runners(repository: Repository, wanted: Wanted) -> list[dict[str, Any]]:
    """The repository's own; these are in no group that could be asked for."""
    return [] if wanted.group else [one.raw_data for one in repository.get_self_hosted_runners()]


def _runners_of_groups(repository: Repository, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for group in _groups(repository):
        if wanted.group.lower() in ("", group["name"].lower()):
            yield from _pages(
                repository,
                f"{_organization(repository)}/actions/runner-groups/{group['id']}/runners",
                "runners",
            )


def _groups(repository: Repository) -> list[dict[str, Any]]:
    """The organization's groups that this repository may use; none that the token may not see."""
    if repository.owner.type != "Organization":
        return []
    url = f"{_organization(repository)}/actions/runner-groups?visible_to_repository={repository.name}"
    try:
        return list(_pages(repository, url, "runner_groups"))
    except GithubException as error:
        if error.status in REFUSED:
            return []
        raise


def _organization(repository: Repository) -> str:
    return f"/orgs/{repository.owner.login}"


def _pages(repository: Repository, url: str, key: str) -> Iterator[dict[str, Any]]:
    """All items of a listing: PyGithub has no organization's runner groups."""
    page, count = 1, 0
    while True:
        more = "&" if "?" in url else "?"
        _, data = repository.requester.requestJsonAndCheck("GET", f"{url}{more}per_page=100&page={page}")
        items = data[key]
        yield from items
        count, page = count + len(items), page + 1
        if not items or count >= data["total_count"]:
            return
