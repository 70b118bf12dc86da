"""What happened to a pull request, and when: its timeline, its events, and how its branch moved."""

import pytest
import requests
from github.GithubException import GithubException

from tests.helpers.local_github import TAXONOMY, Clone


def events(lab, number=1):
    """The timeline of a pull request through PyGithub."""
    return list(lab.as_("maintainer").get_issue(number).get_timeline())


def names(lab):
    return [event.event for event in events(lab)]


def ask(lab, path, **query):
    """GET below the repository, as its maintainer."""
    url = f"{lab.github.api_url}/repos/{path}"
    headers = {"Authorization": f"Bearer {lab.token('maintainer')}"}
    return requests.get(url, params=query, headers=headers, timeout=10).json()


def force_push(mine: Clone, sha: str) -> str:
    mine.git("reset", "--quiet", "--hard", sha)
    mine.git("push", "--quiet", "--force", "origin", "leaf")
    return sha


def test_a_forced_push_names_the_new_head_who_pushed_and_when(lab, proposal):
    pull, mine = proposal
    seen = pull.head.sha
    swapped = mine.commit("Something else", taxonomy__leaf__qna="version: 4\n")
    mine.git("push", "--quiet", "origin", "leaf")
    force_push(mine, seen)
    force_push(mine, swapped)
    forced = [event for event in events(lab) if event.event == "head_ref_force_pushed"]
    # The way back to an ancestor loses a commit; the way forward again is an ordinary push.
    assert [(event.actor.login, event.commit_id) for event in forced] == [("contributor", seen)]
    mine.git("commit", "--quiet", "--amend", "--message", "Something new")
    amended = mine.git("rev-parse", "HEAD")
    force_push(mine, amended)
    forced = [event for event in events(lab) if event.event == "head_ref_force_pushed"]
    assert [event.commit_id for event in forced] == [seen, amended]
    assert forced[1].created_at >= forced[0].created_at


def test_an_ordinary_push_leaves_only_commits_with_the_dates_that_their_author_wrote(lab, proposal):
    _, mine = proposal
    mine.commit("Dated", taxonomy__leaf__qna="version: 4\n")
    mine.git("commit", "--quiet", "--amend", "--no-edit", "--date", "2020-01-01T00:00:00Z")
    mine.git("push", "--quiet", "origin", "leaf")
    committed = [
        event for event in ask(lab, f"{TAXONOMY}/issues/1/timeline") if event["event"] == "committed"
    ]
    assert [one["message"].strip() for one in committed] == ["Add a leaf", "Dated"]
    assert committed[1]["author"]["date"].startswith("2020-01-01")
    assert not {"actor", "created_at"} & committed[1].keys()


def test_the_activity_of_the_fork_has_the_time_of_every_push(lab, proposal):
    pull, mine = proposal
    first = pull.head.sha
    second = mine.commit("More", taxonomy__leaf__qna="version: 4\n")
    mine.git("push", "--quiet", "origin", "leaf")
    force_push(mine, first)
    moves = ask(lab, "contributor/taxonomy/activity", ref="leaf")
    shown = [(move["activity_type"], move["before"], move["after"]) for move in moves]
    assert shown == [
        ("force_push", second, first),
        ("push", first, second),
        ("branch_creation", "0" * 40, first),
    ]
    assert {(move["ref"], move["actor"]["login"]) for move in moves} == {("refs/heads/leaf", "contributor")}
    (pushed,) = ask(lab, "contributor/taxonomy/activity", ref="refs/heads/leaf", activity_type="push")
    assert pushed["after"] == second


def test_a_merge_is_one_of_the_activities_of_main(lab, proposal):
    lab.as_("maintainer").get_pull(1).merge()
    newest = ask(lab, f"{TAXONOMY}/activity", ref="main")[0]
    assert (newest["activity_type"], newest["actor"]["login"]) == ("pr_merge", "maintainer")


def test_the_timeline_tells_what_people_did_in_order(lab, proposal):
    maintainer = lab.as_("maintainer")
    pull = maintainer.get_pull(1)
    pull.edit(title="A better title")
    pull.add_to_labels("bug")
    pull.remove_from_labels("bug")
    maintainer.get_issue(1).add_to_assignees("maintainer")
    maintainer.get_issue(1).remove_from_assignees("maintainer")
    pull.create_issue_comment("/arborist plan")
    pull.create_review(event="APPROVE")
    pull.edit(state="closed")
    pull.edit(state="open")
    result = pull.merge()
    told = ask(lab, f"{TAXONOMY}/issues/1/timeline")
    assert {event["event"] for event in told} == {
        *("committed", "renamed", "labeled", "unlabeled", "assigned", "unassigned"),
        *("commented", "reviewed", "closed", "reopened", "merged"),
    }
    by_name = {event["event"]: event for event in told}
    assert by_name["renamed"]["rename"] == {"from": "A new leaf", "to": "A better title"}
    assert by_name["labeled"]["label"]["name"] == "bug"
    assert by_name["assigned"]["assignee"]["login"] == "maintainer"
    assert by_name["commented"]["body"] == "/arborist plan"
    assert by_name["reviewed"]["state"] == "approved"
    assert by_name["merged"]["commit_id"] == result.sha
    recorded = [event.event for event in maintainer.get_issue(1).get_events()]
    assert recorded == [
        *("renamed", "labeled", "unlabeled", "assigned", "unassigned"),
        *("closed", "reopened", "merged", "closed"),
    ]


def test_comments_on_lines_are_in_the_timeline_with_their_answers(lab, proposal):
    pull, _ = proposal
    maintainers = lab.as_("maintainer").get_pull(1)
    commit = lab.as_("maintainer").get_commit(pull.head.sha)
    comment = maintainers.create_review_comment("Why 3?", commit, "taxonomy/leaf/qna", line=1)
    pull.create_review_comment_reply(comment.id, "So it is written")
    (thread,) = [e for e in ask(lab, f"{TAXONOMY}/issues/1/timeline") if e["event"] == "line-commented"]
    assert [one["body"] for one in thread["comments"]] == ["Why 3?", "So it is written"]


def test_an_event_is_found_by_its_id_and_in_the_repositorys(lab, proposal):
    lab.as_("maintainer").get_pull(1).add_to_labels("bug")
    (event,) = lab.as_("maintainer").get_issue(1).get_events()
    assert lab.as_("maintainer").get_issues_event(event.id).issue.number == 1
    assert [one.event for one in lab.as_("maintainer").get_issues_events()] == ["labeled"]


def test_labels_in_one_edit_are_told_one_by_one(lab, proposal):
    issue = lab.as_("maintainer").get_issue(1)
    issue.edit(labels=["bug", "question"])
    issue.edit(labels=["question"])
    assert [one.event for one in issue.get_events()] == ["labeled", "labeled", "unlabeled"]
    assert len(lab.happened("pull_request", "labeled")) == 2


def test_a_retarget_is_edited_with_the_base_before_and_no_synchronize(lab, proposal):
    pull, _ = proposal
    maintainer = lab.as_("maintainer")
    main = maintainer.get_branch("main").commit.sha
    maintainer.create_git_ref("refs/heads/next", main)
    moved = maintainer.create_file("other.txt", "Next", "x\n", branch="next")["commit"].sha
    pull.edit(base="next", title="For next")
    (event,) = lab.happened("pull_request", "edited")
    assert event.payload["changes"] == {
        "base": {"ref": {"from": "main"}, "sha": {"from": main}},
        "title": {"from": "A new leaf"},
    }
    assert event.payload["pull_request"]["base"]["ref"] == "next"
    assert lab.happened("pull_request", "synchronize") == []
    assert lab.github.git(TAXONOMY).commit(event.sha).parents == (moved, pull.head.sha)
    assert names(lab)[-2:] == ["base_ref_changed", "renamed"]


def test_what_is_already_so_is_no_edit(lab, proposal):
    pull, _ = proposal
    pull.edit(title="A new leaf", body="It teaches.", base="main")
    assert lab.happened("pull_request", "edited") == []
    pull.edit(body="It teaches more.")
    (event,) = lab.happened("pull_request", "edited")
    assert event.payload["changes"] == {"body": {"from": "It teaches."}}


def test_a_base_that_has_it_all_or_a_pull_request_already_is_refused(lab, proposal):
    pull, _ = proposal
    lab.github.git(TAXONOMY).set_ref("refs/heads/taken", lab.as_("maintainer").get_branch("main").commit.sha)
    lab.github.git(TAXONOMY).set_ref("refs/heads/full", pull.head.sha)
    lab.as_("contributor").create_pull(base="taken", head="contributor:leaf", title="Another")
    for base in ("taken", "full", "nowhere"):
        with pytest.raises(GithubException) as refused:
            pull.edit(base=base)
        assert refused.value.status == 422
    pull.update()
    assert pull.base.ref == "main"


def test_a_closed_one_whose_branch_was_rewritten_stays_closed(lab, proposal):
    pull, mine = proposal
    pull.edit(state="closed")
    mine.git("commit", "--quiet", "--amend", "--message", "Rewritten")
    mine.git("push", "--quiet", "--force", "origin", "leaf")
    with pytest.raises(GithubException) as refused:
        pull.edit(state="open")
    assert "was force-pushed or recreated" in refused.value.data["errors"][0]["message"]
    assert "head_ref_force_pushed" not in names(lab)


def test_one_that_grew_while_it_was_closed_opens_with_what_was_pushed(lab, proposal):
    pull, mine = proposal
    pull.edit(state="closed")
    grown = mine.commit("More", taxonomy__leaf__qna="version: 4\n")
    mine.git("push", "--quiet", "origin", "leaf")
    pull.update()
    assert pull.head.sha != grown
    pull.edit(state="open")
    assert pull.head.sha == grown
    assert lab.happened("pull_request", "synchronize") == []


def test_a_deleted_branch_closes_and_says_so(lab, proposal):
    pull, mine = proposal
    mine.git("push", "--quiet", "origin", "--delete", "leaf")
    assert names(lab)[-2:] == ["head_ref_deleted", "closed"]
    with pytest.raises(GithubException) as refused:
        pull.edit(state="open")
    assert refused.value.status == 422


def test_a_rewritten_base_is_told(lab, proposal):
    maintainer = lab.as_("maintainer")
    first = maintainer.get_branch("main").commit.sha
    maintainer.create_file("other.txt", "Gone soon", "x\n")
    maintainer.get_git_ref("heads/main").edit(first, force=True)
    (event,) = [event for event in events(lab) if event.event == "base_ref_force_pushed"]
    assert (event.actor.login, event.commit_id) == ("maintainer", first)
