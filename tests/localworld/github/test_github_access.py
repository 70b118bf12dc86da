"""Who may do what: people, outsiders, workflows; pages of lists; what has not changed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from github.GithubException import BadCredentialsException, GithubException, UnknownObjectException

from bot.core.errors import UserError
from tests.helpers.local_github import TAXONOMY, Clone, LocalGitHub


def test_a_wrong_token_is_refused_everywhere(lab, tmp_path):
    with pytest.raises(BadCredentialsException):
        lab.client(None, "wrong").get_repo(TAXONOMY)
    wrong = Clone.make(tmp_path / "wrong", f"{lab.url}/{TAXONOMY}", "maintainer", "wrong")  # anybody may read
    wrong.commit("Mine", mine="x\n")
    with pytest.raises(AssertionError, match="Authentication failed"):
        wrong.git("push", "origin", "main")


def test_nobody_reads_what_is_public_and_writes_nothing(lab, tmp_path):
    nobody = lab.client(None).get_repo(TAXONOMY)
    assert nobody.get_contents("README.md").decoded_content == b"# Taxonomy\n"
    with pytest.raises(GithubException) as refused:
        nobody.create_issue("Spam")
    assert refused.value.status == 401
    anonymous = Clone.make(tmp_path / "anonymous", f"{lab.url}/{TAXONOMY}")
    anonymous.commit("Mine now", mine="x\n")
    with pytest.raises(AssertionError, match="could not read Username"):
        anonymous.git("push", "origin", "main")


def test_roles_are_told_by_name(lab):
    bot = lab.as_("arborist[bot]")
    roles = {login: bot.get_collaborator_role_name(login) for login in ("maintainer", "contributor")}
    assert roles == {"maintainer": "maintain", "contributor": "read"}
    assert bot.get_collaborator_permission("maintainer") == "write"
    with pytest.raises(GithubException) as refused:
        lab.as_("outsider").get_collaborator_role_name("maintainer")
    assert refused.value.status == 403


def test_readers_cannot_write(lab, clone):
    outsider = lab.as_("outsider")
    attempts = [
        lambda: outsider.create_file("mine.txt", "Mine", "x"),
        lambda: outsider.create_git_ref("refs/heads/mine", outsider.get_branch("main").commit.sha),
        lambda: outsider.create_label("mine", "ffffff"),
        lambda: outsider.create_git_release("v1", name="One", message=""),
        lambda: outsider.create_hook("web", {"url": "http://127.0.0.1:9/"}),
        lambda: outsider.get_commit("main").create_status("success"),
        lambda: outsider.edit(description="mine"),
    ]
    for attempt in attempts:
        with pytest.raises(GithubException) as refused:
            attempt()
        assert refused.value.status in (403, 404)
    theirs = clone("outsider")
    theirs.commit("Mine", mine="x\n")
    with pytest.raises(AssertionError, match="403"):
        theirs.git("push", "origin", "main")


def test_a_private_repository_is_not_there_for_others(lab, tmp_path):
    lab.github.create_repository("lab", "secret", private=True)
    lab.github.add_collaborator("lab/secret", "maintainer", "write")
    assert lab.client("maintainer").get_repo("lab/secret").private
    with pytest.raises(UnknownObjectException):
        lab.client("outsider").get_repo("lab/secret")
    with pytest.raises(AssertionError, match="not found"):
        Clone.make(tmp_path / "secret", f"{lab.url}/lab/secret", "outsider", lab.token("outsider"))
    assert requests.get(f"{lab.url}/lab/secret", timeout=10).status_code == 404


def test_a_workflow_does_what_its_permissions_say(lab, proposal):
    pull, _ = proposal
    reader = lab.workflow({"contents": "read"})
    refused = [
        lambda: reader.get_pull(1).create_issue_comment("hello"),
        lambda: reader.create_check_run("lint", pull.head.sha),
        lambda: reader.get_pull(1).merge(),
        lambda: reader.create_file("x", "x", "x"),
        lambda: reader.get_issue(1).create_reaction("eyes"),
    ]
    for attempt in refused:
        with pytest.raises(GithubException) as error:
            attempt()
        assert error.value.status == 403
        assert error.value.data["message"] == "Resource not accessible by integration"
    writer = lab.workflow({"contents": "read", "pull-requests": "write", "checks": "write"})
    comment = writer.get_pull(1).create_issue_comment("hello")
    assert (comment.user.login, comment.user.type) == ("github-actions[bot]", "Bot")
    assert writer.create_check_run("lint", pull.head.sha).app.slug == "github-actions"
    with pytest.raises(GithubException):
        writer.create_issue("Only pull requests are granted")
    assert all(event.chained for event in lab.events if event.name in ("issue_comment", "check_run"))


def test_a_workflow_writes_only_in_its_own_repository(lab, proposal):
    token = lab.github.create_token(
        "github-actions[bot]", permissions={"contents": "write"}, repository=TAXONOMY, workflow=True
    )
    client = lab.client(None, token)
    client.get_repo(TAXONOMY).create_file("x.txt", "By a workflow", "x\n")
    assert lab.happened("push")[-1].chained
    with pytest.raises(GithubException) as refused:
        client.get_repo("contributor/taxonomy").create_file("x.txt", "Elsewhere", "x\n")
    assert refused.value.status == 403


def test_permissions_change_and_end_while_a_token_is_in_use(lab):
    token = lab.github.create_token("github-actions[bot]", permissions={}, repository=TAXONOMY, workflow=True)
    repository = lab.client(None, token).get_repo(TAXONOMY)
    with pytest.raises(GithubException):
        repository.create_issue("Not yet")
    lab.github.set_token_permissions(token, {"issues": "write"})
    assert repository.create_issue("Now").user.login == "github-actions[bot]"
    lab.github.revoke_token(token)
    with pytest.raises(BadCredentialsException):
        repository.create_issue("No longer")


def test_lists_come_in_pages(lab):
    repository = lab.as_("maintainer")
    for number in range(1, 6):
        repository.create_issue(f"Issue {number}")
    client = lab.client("maintainer")
    client.per_page = 2
    issues = client.get_repo(TAXONOMY).get_issues(direction="asc")
    assert issues.totalCount == 5
    assert [issue.number for issue in issues] == [1, 2, 3, 4, 5]
    answer = requests.get(f"{lab.url}/api/v3/repos/{TAXONOMY}/issues?per_page=2&page=2", timeout=10)
    assert 'rel="next"' in answer.headers["link"]
    assert 'rel="prev"' in answer.headers["link"]
    assert len(answer.json()) == 2
    answer = requests.get(f"{lab.url}/api/v3/repos/{TAXONOMY}/labels?per_page=1000", timeout=10)
    assert len(answer.json()) == 9


def test_what_has_not_changed_is_not_sent_again(lab, proposal):
    pull, mine = proposal
    pull.update()
    assert pull.update() is False
    mine.commit("More", more="x\n")
    mine.git("push", "--quiet", "origin", "leaf")
    assert pull.update() is True
    address = f"{lab.url}/api/v3/repos/{TAXONOMY}"
    tag = requests.get(address, timeout=10).headers["etag"]
    again = requests.get(address, headers={"If-None-Match": tag}, timeout=10)
    assert (again.status_code, again.content) == (304, b"")


def test_the_rate_limit_is_counted(lab):
    client = lab.client("outsider")
    before = client.get_rate_limit().rate.used
    client.get_repo(TAXONOMY)
    assert client.get_rate_limit().rate.used == before + 1


def test_everything_is_there_after_a_restart(lab, proposal, tmp_path, contract):
    pull, _ = proposal
    comment = lab.as_("maintainer").get_pull(1).create_issue_comment("Remember me")
    lab.stop()
    again = LocalGitHub(tmp_path / "github", contract, lab.server)
    try:
        seen = again.as_("maintainer").get_pull(1)
        assert (seen.head.sha, seen.state) == (pull.head.sha, "open")
        assert seen.get_issue_comment(comment.id).body == "Remember me"
        assert seen.merge().merged
    finally:
        again.stop()


def test_what_is_broken_is_said_and_not_a_fault(lab):
    address = f"{lab.url}/api/v3/repos/{TAXONOMY}/issues"
    headers = {"Authorization": f"Bearer {lab.token('maintainer')}"}
    assert requests.post(address, b"{", headers=headers, timeout=10).status_code == 400
    assert requests.post(address, b"[]", headers=headers, timeout=10).status_code == 400
    for body in ({"title": 7}, {"body": "no title"}, {"title": "x", "body": ["no text"]}):
        answer = requests.post(address, json=body, headers=headers, timeout=10)
        assert answer.status_code == 422
        assert answer.json()["message"] == "Validation Failed"
    assert requests.get(f"{lab.url}/api/v3/users/nobody", timeout=10).json()["message"] == "Not Found"


def test_accounts_and_repositories_have_good_names(lab):
    for attempt in (
        lambda: lab.github.create_user("no such/login"),
        lambda: lab.github.create_user("maintainer"),
        lambda: lab.github.create_repository("lab", ".."),
        lambda: lab.github.create_repository("lab", "taxonomy"),
        lambda: lab.github.create_repository("nobody", "taxonomy"),
        lambda: lab.github.add_collaborator(TAXONOMY, "nobody", "read"),
    ):
        with pytest.raises(UserError):
            attempt()


def test_repositories_are_found_by_their_owners_and_people(lab, proposal):
    contributor = lab.client("contributor")
    assert [one.full_name for one in contributor.get_user().get_repos()] == ["contributor/taxonomy"]
    assert [one.full_name for one in contributor.get_organization("lab").get_repos()] == [TAXONOMY]
    assert [one.full_name for one in contributor.get_repo(TAXONOMY).get_forks()] == ["contributor/taxonomy"]
    fork = contributor.get_repo("contributor/taxonomy")
    fork.add_to_collaborators("outsider", "push")
    assert fork.get_collaborator_role_name("outsider") == "write"
    fork.remove_from_collaborators("outsider")
    assert not fork.has_in_collaborators("outsider")


def test_many_at_once_get_numbers_of_their_own(lab):
    def act(number: int) -> int:
        issue = lab.as_("outsider").create_issue(f"Issue {number}")
        issue.create_comment("And another thing")
        lab.as_("maintainer").create_git_ref(f"refs/heads/branch-{number}", main)
        return issue.number

    main = lab.as_("maintainer").get_branch("main").commit.sha
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(act, range(12)))
    assert sorted(numbers) == list(range(1, 13))
    assert len(lab.happened("issue_comment", "created")) == 12
    assert lab.as_("maintainer").get_branches().totalCount == 13
