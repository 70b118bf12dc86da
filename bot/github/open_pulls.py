"""All open pull requests with the bot's checks on their heads, with one request per 100 pull requests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from github.Repository import Repository

from bot.github.checks import read_note

QUERY = """
query OpenPulls($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequests(states: [OPEN], first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        number
        baseRefName
        headRefOid
        commits(last: 1) {
          nodes {
            commit {
              oid
              checkSuites(first: 20) {
                nodes {
                  app { slug }
                  checkRuns(first: 50, filterBy: {checkType: ALL}) {
                    nodes { name status conclusion startedAt completedAt externalId }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class OwnCheck:
    """A check that the bot created, with the note that the bot stored in it."""

    started_at: datetime
    completed: bool
    conclusion: str
    completed_at: datetime | None
    note: dict[str, Any]

    @property
    def age(self) -> tuple[datetime, bool]:
        """A sort key. GitHub's times are whole seconds; within a second, an open check is the newer one."""
        return self.started_at, not self.completed


@dataclass(frozen=True)
class OpenPull:
    """An open pull request, and the bot's newest check of each name on its head."""

    number: int
    base_ref: str
    head: str
    checks: dict[str, OwnCheck]


def open_pulls(repository: Repository) -> list[OpenPull]:
    """Return the open pull requests of a repository."""
    owner, _, name = repository.full_name.partition("/")
    found: list[OpenPull] = []
    after: str | None = None
    while True:
        variables = {"owner": owner, "name": name, "after": after}
        _, answer = repository.requester.graphql_query(QUERY, variables)
        page = answer["data"]["repository"]["pullRequests"]
        found += [_open_pull(repository, node) for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def _open_pull(repository: Repository, node: dict[str, Any]) -> OpenPull:
    checks: dict[str, OwnCheck] = {}
    head = node["headRefOid"]
    # Right after a push, the last commit in the list may not be the head yet.
    commits = [one["commit"] for one in node["commits"]["nodes"] if one["commit"]["oid"] == head]
    for suite in (suite for commit in commits for suite in commit["checkSuites"]["nodes"]):
        slug = (suite["app"] or {}).get("slug", "")
        for run in suite["checkRuns"]["nodes"]:
            note = read_note(repository.full_name, head, run["name"], slug, run["externalId"])
            if note is None:
                continue
            check = _own_check(run, note)
            known = checks.get(run["name"])
            if known is None or known.age <= check.age:
                checks[run["name"]] = check
    return OpenPull(node["number"], node["baseRefName"], head, checks)


def _own_check(run: dict[str, Any], note: dict[str, Any]) -> OwnCheck:
    ended = run["completedAt"]
    return OwnCheck(
        datetime.fromisoformat(run["startedAt"]),
        run["status"] == "COMPLETED",
        (run["conclusion"] or "").lower(),
        datetime.fromisoformat(ended) if ended else None,
        note,
    )
