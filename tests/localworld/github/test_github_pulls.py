"""Pull requests through PyGithub and git: from the fork to the merge."""

import subprocess

import pytest
import requests
from github.GithubException import GithubException, UnknownObjectException

from tests.helpers.local_github import TAXONOMY


def log(lab, *arguments):
    """git log in the bare repository of the taxonomy."""
    path = lab.github.repo_path(TAXONOMY)
    done = subprocess.run(["git", "-C", path, "log", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()


def ready(lab, number=1):
    """A pull request once GitHub knows if it can be merged: after the second question."""
    lab.as_("contributor").get_pull(number)
    return lab.as_("contributor").get_pull(number)


def test_if_it_can_be_merged_is_found_out_after_the_first_question(lab, proposal):
    (event,) = lab.happened("pull_request", "opened")
    told = event.payload["pull_request"]
    assert (told["mergeable"], told["merge_commit_sha"], told["mergeable_state"]) == (None, None, "unknown")
    _, mine = proposal
    mine.commit("More", taxonomy__leaf__qna="version: 4\n")
    mine.git("push", "--quiet", "origin", "leaf")
    answers = [lab.as_("maintainer").get_pull(1) for _ in range(3)]
    assert [pull.mergeable for pull in answers] == [None, True, True]
    assert [pull.merge_commit_sha is None for pull in answers] == [True, False, False]
    assert [pull.mergeable_state for pull in answers] == ["unknown", "clean", "clean"]


def test_a_pull_request_from_a_fork_shows_files_commits_and_comparison(lab, proposal):
    pull, mine = proposal
    assert pull.number == 1
    assert pull.state == "open"
    assert pull.head.repo.full_name == "contributor/taxonomy"
    assert pull.head.sha == mine.git("rev-parse", "HEAD")
    assert pull.html_url == f"{lab.url}/lab/taxonomy/pull/1"
    assert (pull.commits, pull.changed_files, pull.additions, pull.deletions) == (1, 1, 1, 0)
    (file,) = pull.get_files()
    assert (file.filename, file.status, file.patch) == (
        "taxonomy/leaf/qna",
        "added",
        "@@ -0,0 +1 @@\n+version: 3",
    )
    (commit,) = pull.get_commits()
    assert commit.commit.message == "Add a leaf"
    assert commit.author.login == "contributor"
    comparison = lab.as_("maintainer").compare("main", "contributor:leaf")
    assert (comparison.status, comparison.ahead_by, comparison.behind_by) == ("ahead", 1, 0)
    assert [file.filename for file in comparison.files] == ["taxonomy/leaf/qna"]


def test_a_push_moves_the_head_of_the_same_pull_request(lab, proposal):
    pull, mine = proposal
    first = pull.head.sha
    second = mine.commit("Fix it", taxonomy__leaf__qna="version: 3\nseed: 1\n")
    mine.git("push", "--quiet", "origin", "leaf")
    pull.update()
    assert pull.head.sha == second
    assert [other.number for other in lab.as_("maintainer").get_pulls()] == [1]
    (event,) = lab.happened("pull_request", "synchronize")
    assert (event.payload["before"], event.payload["after"]) == (first, second)
    refs = lab.github.git(TAXONOMY).refs("refs/pull/")
    assert refs["refs/pull/1/head"] == second


def test_the_test_merge_is_there_to_be_fetched(lab, proposal, clone):
    pull, _ = proposal
    theirs = clone("maintainer")
    theirs.git("fetch", "--quiet", "origin", "refs/pull/1/merge")
    parents = theirs.git("log", "-1", "--format=%P", "FETCH_HEAD").split()
    assert parents == [pull.base.sha, pull.head.sha]
    pull = ready(lab)
    assert pull.merge_commit_sha == theirs.git("rev-parse", "FETCH_HEAD")


def test_a_fork_cannot_write_the_refs_of_pull_requests(lab, proposal, clone):
    theirs = clone("maintainer")
    with pytest.raises(AssertionError, match="deny updating a hidden ref"):
        theirs.git("push", "origin", "HEAD:refs/pull/1/head")


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_each_way_to_merge_leaves_the_history_that_it_should(lab, proposal, clone, method):
    pull, mine = proposal
    mine.commit("Say more", taxonomy__leaf__attribution="CC0\n")
    mine.git("push", "--quiet", "origin", "leaf")
    clone("maintainer").git("log", "-1")
    lab.as_("maintainer").create_file("other.txt", "Something else on main", "x\n")
    maintainers = lab.as_("maintainer").get_pull(1)
    result = maintainers.merge(merge_method=method)
    assert result.merged
    subjects = log(lab, "--format=%s (%an)", "--topo-order", "main")
    expected = {
        "merge": [
            "Merge pull request #1 from contributor/leaf (maintainer)",
            "Say more (contributor)",
            "Add a leaf (contributor)",
            "Something else on main (maintainer)",
            "First (maintainer)",
        ],
        "squash": [
            "A new leaf (#1) (contributor)",
            "Something else on main (maintainer)",
            "First (maintainer)",
        ],
        "rebase": [
            "Say more (contributor)",
            "Add a leaf (contributor)",
            "Something else on main (maintainer)",
            "First (maintainer)",
        ],
    }
    assert subjects == expected[method]
    assert result.sha == log(lab, "-1", "--format=%H", "main")[0]
    names = [entry.path for entry in lab.github.git(TAXONOMY).entries("main", recursive=True)]
    assert {"README.md", "other.txt", "taxonomy/leaf/qna", "taxonomy/leaf/attribution"} <= set(names)
    pull.update()
    assert (pull.merged, pull.state, pull.merged_by.login) == (True, "closed", "maintainer")
    assert pull.merge_commit_sha == result.sha
    (event,) = lab.happened("pull_request", "closed")
    assert event.payload["pull_request"]["merged"] is True
    push = lab.happened("push")[-1]
    assert (push.ref, push.sha) == ("refs/heads/main", result.sha)


def test_a_merge_commit_names_what_brought_it(lab, proposal):
    lab.as_("maintainer").get_pull(1).merge()
    sha = lab.as_("maintainer").get_branch("main").commit.sha
    commit = lab.as_("maintainer").get_commit(sha)
    assert len(commit.parents) == 2
    assert [pull.number for pull in commit.get_pulls()] == [1]
    assert [pull.number for pull in lab.as_("maintainer").get_commit(commit.parents[1].sha).get_pulls()] == [
        1
    ]


def test_an_outsider_and_the_author_cannot_merge(lab, proposal):
    pull, _ = proposal
    for person in ("outsider", "contributor"):
        with pytest.raises(GithubException) as refused:
            lab.as_(person).get_pull(1).merge()
        assert refused.value.status == 403
    pull.update()
    assert not pull.merged


def test_a_merge_says_which_head_it_means(lab, proposal):
    pull, mine = proposal
    stale = pull.head.sha
    mine.commit("Meanwhile", taxonomy__leaf__more="x\n")
    mine.git("push", "--quiet", "origin", "leaf")
    with pytest.raises(GithubException) as refused:
        lab.as_("maintainer").get_pull(1).merge(sha=stale)
    assert refused.value.status == 409


def test_a_conflict_is_seen_and_not_merged(lab, proposal):
    pull = ready(lab)
    assert (pull.mergeable, pull.mergeable_state) == (True, "clean")
    lab.as_("maintainer").create_file("taxonomy/leaf/qna", "The same file", "other\n")
    pull = ready(lab)
    assert (pull.mergeable, pull.mergeable_state) == (False, "dirty")
    with pytest.raises(GithubException) as refused:
        lab.as_("maintainer").get_pull(1).merge()
    assert refused.value.status == 405


def test_a_pushed_merge_closes_the_pull_request_as_merged(lab, proposal, clone):
    pull, _ = proposal
    theirs = clone("maintainer")
    theirs.git("fetch", "--quiet", "origin", "refs/pull/1/head")
    theirs.git("merge", "--quiet", "--no-ff", "-m", "By hand", "FETCH_HEAD")
    theirs.git("push", "--quiet", "origin", "main")
    pull.update()
    assert (pull.merged, pull.state) == (True, "closed")


def test_a_pull_request_is_edited_closed_and_reopened(lab, proposal):
    pull, _ = proposal
    pull.edit(title="A better title", body="", state="closed")
    assert (pull.title, pull.state) == ("A better title", "closed")
    pull.edit(state="open")
    assert pull.state == "open"
    actions = [event.action for event in lab.events if event.name == "pull_request"]
    assert actions == ["opened", "edited", "closed", "reopened"]
    with pytest.raises(GithubException):
        lab.as_("outsider").get_pull(1).edit(state="closed")


def test_there_is_no_second_pull_request_for_a_branch_nor_an_empty_one(lab, proposal):
    for login, head in (
        ("contributor", "contributor:leaf"),
        ("contributor", "contributor:main"),
        ("contributor", "contributor:nowhere"),
        ("maintainer", "main"),
    ):
        with pytest.raises(GithubException) as refused:
            lab.as_(login).create_pull(base="main", head=head, title="Again")
        assert refused.value.status == 422
    with pytest.raises(UnknownObjectException):
        lab.as_("contributor").get_pull(2)


def test_events_name_the_commit_and_ref_of_a_run(lab, proposal):
    pull = ready(lab)
    (event,) = lab.happened("pull_request", "opened")
    assert (event.repository, event.actor) == (TAXONOMY, "contributor")
    assert (event.sha, event.ref) == (pull.merge_commit_sha, "refs/pull/1/merge")
    assert event.from_fork
    assert not event.chained
    pushes = lab.happened("push")
    assert [(push.repository, push.ref, push.sha) for push in pushes] == [
        ("contributor/taxonomy", "refs/heads/leaf", pull.head.sha)
    ]


def test_a_pull_request_within_the_repository_is_not_from_a_fork(lab, clone):
    theirs = clone("maintainer")
    theirs.git("checkout", "--quiet", "-b", "own")
    theirs.commit("Mine", mine="x\n")
    theirs.git("push", "--quiet", "origin", "own")
    pull = lab.as_("maintainer").create_pull(base="main", head="own", title="Mine")
    assert pull.head.label == "lab:own"
    (event,) = lab.happened("pull_request", "opened")
    assert not event.from_fork


def test_diff_and_patch_come_as_text(lab, proposal):
    pull, _ = proposal
    client = lab.client("outsider")
    for media, expected in (
        ("diff", "diff --git a/taxonomy/leaf/qna"),
        ("patch", "Subject: [PATCH] Add a leaf"),
    ):
        _, _, text = client.requester.requestJson(
            "GET", pull.url, headers={"Accept": f"application/vnd.github.{media}"}
        )
        assert expected in text
        assert expected in requests.get(f"{pull.html_url}.{media}", timeout=10).text
    assert (
        "taxonomy/leaf/qna" in requests.get(f"{lab.url}/lab/taxonomy/commit/{pull.head.sha}", timeout=10).text
    )


def test_a_fork_catches_up_with_its_parent(lab, proposal):
    fork = lab.as_("contributor", "contributor/taxonomy")
    lab.as_("maintainer").create_file("other.txt", "Something else on main", "x\n")
    assert fork.merge_upstream("main").merge_type == "fast-forward"
    assert fork.get_branch("main").commit.sha == lab.as_("maintainer").get_branch("main").commit.sha
    assert fork.merge_upstream("main").merge_type == "none"


def test_a_pull_request_catches_up_with_its_base(lab, proposal):
    pull, _ = proposal
    lab.as_("maintainer").create_file("other.txt", "Something else on main", "x\n")
    assert lab.as_("maintainer").get_pull(1).update_branch()
    pull.update()
    assert [commit.commit.message.strip() for commit in pull.get_commits()] == [
        "Add a leaf",
        "Merge branch 'main' into leaf",
    ]
    assert [file.filename for file in pull.get_files()] == ["taxonomy/leaf/qna"]
    lab.as_("maintainer").create_file("more.txt", "And more", "x\n")
    assert not lab.as_("outsider").get_pull(1).update_branch()


def test_a_pull_request_outlives_the_fork_that_it_is_from(lab, proposal):
    pull = proposal[0]
    lab.as_("contributor", "contributor/taxonomy").delete()
    with pytest.raises(UnknownObjectException):
        lab.as_("contributor", "contributor/taxonomy")
    assert [repository.full_name for repository in lab.client("contributor").get_user().get_repos()] == []
    again = lab.as_("maintainer").get_pull(pull.number)
    assert (again.state, again.head.repo, again.head.label) == ("open", None, "contributor:leaf")
    assert again.head.sha == pull.head.sha
    assert again.merge().merged
    assert lab.as_("contributor").create_fork().full_name == "contributor/taxonomy"


def test_only_its_owner_deletes_a_repository(lab, proposal):
    with pytest.raises(UnknownObjectException):
        lab.as_("maintainer").delete()
    assert lab.as_("maintainer").full_name == TAXONOMY
