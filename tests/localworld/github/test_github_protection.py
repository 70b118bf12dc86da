"""Protected branches through PyGithub."""

import pytest
from github.GithubException import GithubException, UnknownObjectException

from tests.helpers.local_github import TAXONOMY


@pytest.fixture
def admin(lab):
    """The repository, as somebody sees it who may set it up."""
    lab.github.create_user("owner", token=lab.token("owner"))
    lab.github.add_collaborator(TAXONOMY, "owner", "admin")
    return lab.as_("owner")


def protect(repository, *, reviews=None, enforce_admins=False):
    """PyGithub's own `edit_protection` sends null for what GitHub wants true or false."""
    stated = {
        "required_status_checks": {"strict": False, "contexts": ["lint / lint"]},
        "required_pull_request_reviews": reviews,
        "enforce_admins": enforce_admins,
        "restrictions": None,
    }
    url = f"{repository.url}/branches/main/protection"
    repository.requester.requestJsonAndCheck("PUT", url, input=stated)


def test_a_branch_is_not_protected_until_it_is_and_then_says_how(admin):
    main = admin.get_branch("main")
    assert not main.protected
    with pytest.raises(GithubException, match="Branch not protected"):
        main.get_protection()
    protect(admin, reviews={"required_approving_review_count": 0})
    found = admin.get_branch("main").get_protection()
    assert admin.get_branch("main").protected
    assert found.required_status_checks.contexts == ["lint / lint"]
    assert found.required_pull_request_reviews.required_approving_review_count == 0
    assert not found.allow_force_pushes


def test_only_an_administrator_protects(lab):
    with pytest.raises(UnknownObjectException):
        protect(lab.as_("maintainer"))


def test_protection_is_taken_away_again(admin):
    protect(admin)
    admin.get_branch("main").remove_protection()
    assert not admin.get_branch("main").protected
    with pytest.raises(GithubException, match="Branch not protected"):
        admin.get_branch("main").remove_protection()


def test_a_pull_request_is_merged_only_when_the_check_has_passed(lab, admin, proposal):
    number, sha = proposal[0].number, proposal[0].head.sha
    protect(admin)
    pull, bot = lab.as_("maintainer").get_pull(number), lab.as_("arborist[bot]")
    with pytest.raises(GithubException, match='check "lint / lint" is expected'):
        pull.merge()
    bot.create_check_run("lint / lint", sha, status="completed", conclusion="failure")
    with pytest.raises(GithubException, match='check "lint / lint" is failing'):
        pull.merge()
    bot.create_check_run("lint / lint", sha, status="completed", conclusion="success")
    assert pull.merge().merged


def test_a_required_check_of_one_app_is_not_passed_by_anothers(lab, admin, proposal):
    pull, sha = lab.as_("maintainer").get_pull(1), proposal[0].head.sha
    stated = {
        "required_status_checks": {
            "strict": False,
            "contexts": [],
            "checks": [{"context": "lint", "app_id": 15368}],
        },
        "required_pull_request_reviews": None,
        "enforce_admins": True,
        "restrictions": None,
    }
    url = f"{admin.url}/branches/main/protection"
    admin.requester.requestJsonAndCheck("PUT", url, input=stated)
    lab.as_("arborist[bot]").create_check_run("lint", sha, conclusion="success")
    with pytest.raises(GithubException, match='check "lint" is expected'):
        pull.merge()
    lab.workflow({"checks": "write"}).create_check_run("lint", sha, conclusion="success")
    assert pull.merge().merged


def test_an_administrator_merges_what_is_red_unless_held_to_it(lab, admin, proposal):
    pull = admin.get_pull(proposal[0].number)
    protect(admin, enforce_admins=True)
    with pytest.raises(GithubException, match="is expected"):
        pull.merge()
    protect(admin, enforce_admins=False)
    assert pull.merge().merged
