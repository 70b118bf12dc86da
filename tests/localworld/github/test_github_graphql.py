"""GraphQL: queries are checked against GitHub's own schema, and answered page by page."""

from typing import Any

import pytest
from github import GithubException, UnknownObjectException

from tests.helpers.local_github import TAXONOMY

PULLS = """
query ($name: String!, $first: Int, $after: String) {
  repository(owner: "lab", name: $name) {
    pullRequests(states: [OPEN], first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { number headRefOid }
    }
  }
}
"""


def ask(lab: Any, query: str = PULLS, login: str = "outsider", **variables: Any) -> Any:
    given = {"name": "taxonomy", "first": 10, **variables}
    _, answer = lab.as_(login).requester.graphql_query(query, given)
    return answer["data"]["repository"]["pullRequests"]


def test_open_pull_requests_come_page_by_page(lab: Any, proposal: Any) -> None:
    pull, clone = proposal
    clone.git("push", "--quiet", "origin", "leaf:other")
    lab.as_("contributor").create_pull(base="main", head="contributor:other", title="Another", body="")
    first = ask(lab, first=1)
    assert [node["number"] for node in first["nodes"]] == [pull.number]
    assert first["nodes"][0]["headRefOid"] == pull.head.sha
    assert first["pageInfo"]["hasNextPage"] is True
    second = ask(lab, first=1, after=first["pageInfo"]["endCursor"])
    assert [node["number"] for node in second["nodes"]] == [2]
    assert second["pageInfo"]["hasNextPage"] is False
    lab.as_("maintainer").get_pull(2).edit(state="closed")
    assert len(ask(lab)["nodes"]) == 1


@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        (PULLS.replace("headRefOid", "headSha"), {}, "Cannot query field 'headSha' on type 'PullRequest'"),
        (PULLS.replace("[OPEN]", "[READY]"), {}, "READY"),
        (PULLS, {"first": None}, "You must provide a `first` or `last` value"),
        (PULLS, {"first": 101}, "exceeds the `first` limit of 100 records"),
        (PULLS, {"after": "x"}, "valid cursor"),
        ("query {", {}, "Syntax Error"),
    ],
)
def test_what_github_would_refuse_is_refused(
    lab: Any, proposal: Any, query: str, variables: dict[str, Any], message: str
) -> None:
    with pytest.raises(GithubException) as error:
        ask(lab, query, **variables)
    assert message in str(error.value)


def test_a_repository_that_there_is_not(lab: Any) -> None:
    with pytest.raises(UnknownObjectException, match="Could not resolve to a Repository"):
        ask(lab, name="nothing")


def test_nobody_may_ask_without_a_token(lab: Any) -> None:
    anybody = lab.client(None).get_repo(TAXONOMY)
    with pytest.raises(GithubException, match="Requires authentication"):
        anybody.requester.graphql_query(PULLS, {"name": "taxonomy"})
