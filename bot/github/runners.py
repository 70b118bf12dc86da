"""The GPU runner on GitHub: its labels, its group, and which workflows may use it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from github.GithubException import GithubException, UnknownObjectException
from github.Repository import Repository

from bot.core.diagnosis import Diagnosis, seen
from bot.core.errors import UserError

VARIABLE = "ARBORIST_RUNNER"
"""The repository variable with the runner of sample.yml and retrain.yml, as JSON."""
LABELS = ("self-hosted", "gpu")
"""The labels if the variable is not set; the same as in these workflows."""
REFUSED = (403, 404)
"""Status codes of GitHub for a token that may not read an organization's settings."""


@dataclass(frozen=True)
class Wanted:
    """The runner that GPU jobs ask for; `group` is "" for runners of any group."""

    labels: tuple[str, ...]
    group: str = ""

    def __str__(self) -> str:
        labels = ", ".join(self.labels) or "any"
        return f"{labels} in the group {self.group}" if self.group else labels


def look(repository: Repository) -> Iterator[Diagnosis]:
    """Check that a runner with the wanted labels is online, and whether it is ephemeral.

    Raises:
        UserError: the variable is not a valid value of `runs-on`.
    """
    wanted = wanted_runner(repository)
    online = _online(_own_runners(repository, wanted), wanted)
    online = online or _online(_runners_of_groups(repository, wanted), wanted)
    names = ", ".join(one["name"] for one in online)
    fix = f"none with the labels {wanted} is online; register one, because samples and retraining wait for it"
    yield seen("runner", bool(online), f"online: {names} ({wanted})", fix)
    kept = [one["name"] for one in online if not one.get("ephemeral")]
    if kept:
        advice = "start it with `arborist runner`, so that a job cannot find files of an earlier job"
        yield Diagnosis(
            "ephemeral runner", "advice", f"{', '.join(kept)} keeps its disk between jobs; {advice}"
        )


def wanted_runner(repository: Repository) -> Wanted:
    """Return the runner in the variable ARBORIST_RUNNER, or the default.

    Raises:
        UserError: the variable is not a valid value of `runs-on`.
    """
    value = variable(repository, VARIABLE)
    if not value:
        return Wanted(LABELS)
    parsed: Any = None
    with suppress(ValueError):
        parsed = json.loads(value)
    if not isinstance(parsed, dict):
        parsed = {"labels": parsed}
    group, labels = parsed.get("group", ""), parsed.get("labels", [])
    labels = [labels] if isinstance(labels, str) else labels
    texts = isinstance(labels, list) and all(isinstance(one, str) for one in (*labels, group))
    if not texts or not (labels or group):
        example = '["self-hosted", "gpu"] or {"group": "gpus", "labels": ["gpu"]}'
        raise UserError(f"runner: the variable {VARIABLE} is {value!r}: set it to JSON such as {example}")
    return Wanted(tuple(labels), group)


def variable(repository: Repository, name: str) -> str:
    """Return a variable that the repository's workflows see; "" if it is not set."""
    try:
        return repository.get_variable(name).value
    except UnknownObjectException:
        return ""


def bound_group(repository: Repository) -> str:
    """Return the wanted runner's group if it is restricted to selected workflows; "" otherwise."""
    wanted = wanted_runner(repository).group
    if not wanted:
        return ""
    bound = (one["name"] for one in runner_groups(repository) if _is_bound(one))
    return next((name for name in bound if name.lower() == wanted.lower()), "")


def _is_bound(group: dict[str, Any]) -> bool:
    return bool(group.get("restricted_to_workflows") and group.get("selected_workflows"))


def _online(runners: Iterable[dict[str, Any]], wanted: Wanted) -> list[dict[str, Any]]:
    """Return the runners that are online and have all wanted labels."""
    labels = {label.lower() for label in wanted.labels}
    return [
        one
        for one in runners
        if one["status"] == "online" and labels <= {label["name"].lower() for label in one["labels"]}
    ]


def _own_runners(repository: Repository, wanted: Wanted) -> list[dict[str, Any]]:
    """Return the repository's own runners; `runs-on` cannot ask for these by a group."""
    return [] if wanted.group else [one.raw_data for one in repository.get_self_hosted_runners()]


def _runners_of_groups(repository: Repository, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for group in runner_groups(repository):
        if wanted.group.lower() in ("", group["name"].lower()):
            yield from pages(
                repository,
                f"{_organization(repository)}/actions/runner-groups/{group['id']}/runners",
                "runners",
            )


def runner_groups(repository: Repository) -> list[dict[str, Any]]:
    """Return the organization's runner groups that a repository may use; none if they cannot be listed."""
    if repository.owner.type != "Organization":
        return []
    url = f"{_organization(repository)}/actions/runner-groups?visible_to_repository={repository.name}"
    try:
        return list(pages(repository, url, "runner_groups"))
    except GithubException as error:
        if error.status in REFUSED:
            return []
        raise


def _organization(repository: Repository) -> str:
    return f"/orgs/{repository.owner.login}"


def pages(repository: Repository, url: str, key: str) -> Iterator[dict[str, Any]]:
    """Yield all items of a paginated list. PyGithub does not support an organization's runner groups."""
    page, count = 1, 0
    while True:
        more = "&" if "?" in url else "?"
        _, data = repository.requester.requestJsonAndCheck("GET", f"{url}{more}per_page=100&page={page}")
        items = data[key]
        yield from items
        count, page = count + len(items), page + 1
        if not items or count >= data["total_count"]:
            return
