"""PyGithub's way through the local GitHub: every request and every answer is as GitHub describes it.

What the tests do not say, the contract around the server does: each of them fails if it is violated. What
each operation does in depth is told in tests/localworld/github; here each is asked once.
"""

import pytest
from github import BadCredentialsException, GithubException, InputGitTreeElement

REPOSITORY = "lab/taxonomy"
LEAF = "taxonomy/knowledge/wood/qna.yaml"


@pytest.fixture(scope="module")
def repository(lab):
    return lab.user("alice").get_repo(REPOSITORY)


@pytest.fixture(scope="module")
def pull(lab, repository):
    """A pull request from bob's fork."""
    fork = lab.user("bob").get_repo(REPOSITORY).create_fork()
    fork.create_git_ref("refs/heads/wood", fork.get_branch("main").commit.sha)
    fork.create_file(LEAF, "A leaf", "version: 3\n", branch="wood")
    return lab.user("bob").get_repo(REPOSITORY).create_pull("main", "bob:wood", title="Wood", body="A leaf.")


def test_users_and_the_api_itself(lab):
    alice = lab.user("alice")
    assert alice.get_user().login == "alice"
    assert alice.get_user("arborist[bot]").type == "Bot"
    assert alice.get_rate_limit().rate.remaining > 0
    with pytest.raises(BadCredentialsException):
        lab.user("mallory").get_user().login  # noqa: B018  the name is asked for


def test_the_repository_its_forks_and_its_people(lab, repository, pull):
    assert repository.get_collaborator_permission("alice") == "admin"
    assert repository.get_collaborator_role_name("bob") == "read"
    assert repository.has_in_collaborators("alice")
    assert [one.login for one in repository.get_collaborators()] == ["alice"]
    assert [one.full_name for one in repository.get_forks()] == ["bob/taxonomy"]
    fork = lab.user("bob").get_repo("bob/taxonomy")
    assert (fork.parent.full_name, fork.permissions.admin) == (REPOSITORY, True)
    repository.edit(description="What the model should know")


def test_contents(repository):
    assert repository.get_readme().decoded_content == b"# Taxonomy\n"
    assert {one.name for one in repository.get_contents("")} == {".github", "README.md"}
    made = repository.create_file("a/b.txt", "One", "1\n", branch="main")
    changed = repository.update_file("a/b.txt", "Two", "2\n", made["content"].sha, branch="main")
    repository.delete_file("a/b.txt", "None", changed["content"].sha, branch="main")
    with pytest.raises(GithubException):
        repository.get_contents("a/b.txt")


def test_git_data(repository):
    main = repository.get_git_ref("heads/main")
    before = repository.get_git_commit(main.object.sha)
    blob = repository.create_git_blob("hello\n", "utf-8")
    assert repository.get_git_blob(blob.sha).encoding == "base64"
    element = InputGitTreeElement("hello.txt", "100644", "blob", sha=blob.sha)
    tree = repository.create_git_tree([element], before.tree)
    assert "hello.txt" in [one.path for one in repository.get_git_tree(tree.sha, recursive=True).tree]
    commit = repository.create_git_commit("Hello", tree, [before])
    ref = repository.create_git_ref("refs/heads/side", commit.sha)
    ref.edit(before.sha, force=True)
    assert "refs/heads/side" in [one.ref for one in repository.get_git_matching_refs("heads/")]
    ref.delete()
    tag = repository.create_git_tag("v0", "The first", commit.sha, "commit")
    repository.create_git_ref("refs/tags/v0", tag.sha)
    assert repository.get_git_tag(tag.sha).message.strip() == "The first"
    assert [one.name for one in repository.get_tags()] == ["v0"]


def test_branches_commits_and_comparison(repository):
    assert repository.get_branch("main").name in [one.name for one in repository.get_branches()]
    (first,) = list(repository.get_commits(path="README.md"))
    assert repository.get_commit(first.sha).files
    assert list(repository.get_commit("main").get_pulls()) == []
    assert repository.compare(first.sha, "main").ahead_by >= 0


def test_pull_requests(repository, pull):
    assert [one.number for one in repository.get_pulls(state="open", base="main")] == [pull.number]
    (file,) = pull.get_files()
    assert (file.filename, file.status) == (LEAF, "added")
    assert [one.commit.message for one in pull.get_commits()] == ["A leaf"]
    pull.edit(title="Wood, a leaf", body="A new leaf.")
    assert repository.get_pull(pull.number).mergeable is None
    assert repository.get_pull(pull.number).mergeable
    assert not pull.is_merged()


def test_reviews_with_line_comments(repository, pull):
    seen = repository.get_pull(pull.number)
    comments = [{"path": LEAF, "line": 1, "side": "RIGHT", "body": "```suggestion\nversion: 2\n```"}]
    commit = repository.get_commit(seen.head.sha)
    seen.create_review(commit, "Look", "REQUEST_CHANGES", comments=comments)
    (review,) = seen.get_reviews()
    assert review.state == "CHANGES_REQUESTED"
    (comment,) = seen.get_review_comments()
    assert comment.line == 1
    assert [one.id for one in seen.get_single_review_comments(review.id)] == [comment.id]
    seen.create_review_comment("Again", commit, LEAF, line=1)
    comment.edit("```suggestion\nversion: 3\n```")
    seen.create_review_comment_reply(comment.id, "Done")
    comment.delete()


def test_issues_comments_reactions_labels(lab, repository, pull):
    label = repository.create_label("knowledge", "0e8a16", "Facts")
    assert "knowledge" in [one.name for one in repository.get_labels()]
    label.edit("knowledge", "0e8a17")
    issue = repository.create_issue("A wish", "More wood")
    issue.add_to_labels("knowledge")
    issue.set_labels("bug", "knowledge")
    assert {one.name for one in issue.get_labels()} == {"bug", "knowledge"}
    issue.remove_from_labels("bug")
    issue.create_reaction("+1")
    issue.edit(state="closed", state_reason="completed")
    assert issue.number in [one.number for one in repository.get_issues(state="closed")]
    on_pull = repository.get_issue(pull.number)
    comment = lab.user("arborist[bot]").get_repo(REPOSITORY).get_issue(pull.number).create_comment("Hello")
    comment.edit("Hello again")
    comment.create_reaction("rocket")
    assert [one.content for one in comment.get_reactions()] == ["rocket"]
    assert [one.body for one in on_pull.get_comments()] == ["Hello again"]
    assert on_pull.get_comment(comment.id).user.login == "arborist[bot]"
    repository.get_issue(pull.number).get_comment(comment.id).delete()


def test_checks_and_statuses(lab, repository, pull):
    mine = lab.user("arborist[bot]").get_repo(REPOSITORY)
    lab.github.add_collaborator(REPOSITORY, "arborist[bot]", "write")
    sha = repository.get_pull(pull.number).head.sha
    check = mine.create_check_run("lint", sha, status="in_progress")
    note = {"path": LEAF, "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "no"}
    output = {"title": "1 finding", "summary": "One.", "annotations": [note]}
    check.edit(status="completed", conclusion="failure", output=output)
    commit = repository.get_commit(sha)
    assert [one.conclusion for one in commit.get_check_runs()] == ["failure"]
    assert [one.path for one in repository.get_check_run(check.id).get_annotations()] == [LEAF]
    (suite,) = commit.get_check_suites()
    assert repository.get_check_suite(suite.id).app.slug == "arborist"
    assert [one.id for one in suite.get_check_runs()] == [check.id]
    commit.create_status("success", "http://127.0.0.1/1", "fine", "trial")
    assert [one.context for one in commit.get_statuses()] == ["trial"]
    assert commit.get_combined_status().state == "success"


def test_releases(repository):
    release = repository.create_git_release("v1", "One", "The first model", target_commitish="main")
    release.update_release("One", "The first model, released")
    assert repository.get_latest_release().tag_name == "v1"
    assert repository.get_release("v1").id == release.id
    assert [one.id for one in repository.get_releases()] == [release.id]
    release.delete_release()


def test_webhooks(repository):
    config = {"url": "http://127.0.0.1:9/hook", "content_type": "json"}
    hook = repository.create_hook("web", config, ["push"], active=False)
    assert [one.id for one in repository.get_hooks()] == [hook.id]
    assert repository.get_hook(hook.id).events == ["push"]
    hook.delete()


def test_lists_come_by_page(repository):
    for number in range(3):
        repository.create_issue(f"Page {number}")
    requester = repository.requester
    headers, found = requester.requestJsonAndCheck("GET", f"{repository.url}/issues?state=all&per_page=2")
    assert len(found) == 2
    assert 'rel="next"' in headers["link"]


def test_what_has_not_changed_is_not_sent_again(repository):
    requester = repository.requester
    headers, _ = requester.requestJsonAndCheck("GET", repository.url)
    status, _, body = requester.requestJson("GET", repository.url, headers={"If-None-Match": headers["etag"]})
    assert (status, body) == (304, "")


def test_a_comment_that_is_too_long_is_refused(repository, pull):
    with pytest.raises(GithubException) as refused:
        repository.get_issue(pull.number).create_comment("x" * 65_537)
    assert refused.value.status == 422


def test_merge(repository, pull):
    """The last one: the pull request is merged, and tells so."""
    seen = repository.get_pull(pull.number)
    seen.create_review(event="APPROVE")
    assert seen.merge("The leaf", merge_method="squash", sha=seen.head.sha).merged
    assert repository.get_pull(pull.number).merged
    assert repository.get_contents(LEAF).decoded_content == b"version: 3\n"
