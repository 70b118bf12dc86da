"""Environments and their protection rules through PyGithub; jobs are in tests/localworld/actions."""

import pytest
from github.EnvironmentDeploymentBranchPolicy import EnvironmentDeploymentBranchPolicyParams
from github.EnvironmentProtectionRuleReviewer import ReviewerParams
from github.GithubException import GithubException, UnknownObjectException

from tests.helpers.local_github import TAXONOMY


@pytest.fixture
def admin(lab):
    """The repository, as somebody sees it who may set it up."""
    lab.github.create_user("owner", token=lab.token("owner"))
    lab.github.add_collaborator(TAXONOMY, "owner", "admin")
    return lab.as_("owner")


def test_an_environment_is_created_once_and_keeps_its_policy(admin):
    only_protected = EnvironmentDeploymentBranchPolicyParams(
        protected_branches=True, custom_branch_policies=False
    )
    for _ in range(2):
        admin.create_environment("release", deployment_branch_policy=only_protected)
    (made,) = admin.get_environments()
    assert made.name == "release"
    assert admin.get_environment("Release").deployment_branch_policy.protected_branches
    with pytest.raises(UnknownObjectException):
        admin.get_environment("none")


def test_an_environment_shows_its_protection_rules_until_they_are_removed(lab, admin):
    maintainer = ReviewerParams("User", lab.github.user("maintainer")["id"])
    admin.create_environment("release", wait_timer=5, reviewers=[maintainer], prevent_self_review=True)
    rules = {rule.type: rule for rule in admin.get_environment("release").protection_rules}
    assert set(rules) == {"wait_timer", "required_reviewers"}
    assert rules["wait_timer"].wait_timer == 5
    assert [one.reviewer.login for one in rules["required_reviewers"].reviewers] == ["maintainer"]
    assert rules["required_reviewers"].raw_data["prevent_self_review"]
    admin.create_environment("release")
    assert admin.get_environment("release").protection_rules == []


@pytest.mark.parametrize(
    "stated",
    [
        {"deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": True}},
        {"wait_timer": 43_201},
        {"reviewers": [{"type": "User", "id": 10_000}]},
        {"reviewers": [{"type": "User", "id": 1}] * 7},
    ],
)
def test_a_rule_that_github_refuses_changes_nothing(admin, stated):
    url = f"{admin.url}/environments/release"
    with pytest.raises(GithubException) as refused:
        admin.requester.requestJsonAndCheck("PUT", url, input=stated)
    assert refused.value.status == 422
    assert list(admin.get_environments()) == []


def test_branches_and_tags_are_selected_by_name(admin):
    policies = f"{admin.url}/environments/release/deployment-branch-policies"

    def ask(method, url=policies, **body):
        return admin.requester.requestJsonAndCheck(method, url, input=body or None)[1]

    admin.create_environment("release")
    with pytest.raises(UnknownObjectException):
        ask("POST", name="main")
    selected = EnvironmentDeploymentBranchPolicyParams(protected_branches=False, custom_branch_policies=True)
    admin.create_environment("release", deployment_branch_policy=selected)
    made = ask("POST", name="main")
    assert (made["name"], made["type"]) == ("main", "branch")
    ask("POST", name="v*", type="tag")
    ask("PUT", f"{policies}/{made['id']}", name="release/*")
    assert ask("GET", f"{policies}/{made['id']}")["name"] == "release/*"
    assert [one["name"] for one in ask("GET")["branch_policies"]] == ["release/*", "v*"]
    ask("DELETE", f"{policies}/{made['id']}")
    assert ask("GET")["total_count"] == 1


def test_only_an_administrator_sets_up_or_deletes_an_environment(lab, admin):
    with pytest.raises(UnknownObjectException):
        lab.as_("maintainer").create_environment("release")
    admin.create_environment("release")
    with pytest.raises(UnknownObjectException):
        lab.as_("maintainer").delete_environment("release")
    admin.delete_environment("release")
    assert list(admin.get_environments()) == []
