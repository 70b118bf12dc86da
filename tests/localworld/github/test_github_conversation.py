"""Issues, comments, reactions, labels, reviews and checks through PyGithub."""

import pytest
import requests
from github.GithubException import GithubException, UnknownObjectException
from hypothesis import given
from hypothesis import strategies as st

from localworld.github.markdown import render
from tests.helpers.local_github import TAXONOMY

ANNOTATION = {
    "path": "taxonomy/leaf/qna",
    "start_line": 1,
    "end_line": 1,
    "annotation_level": "failure",
    "message": "version must be quoted",
}


def test_anyone_comments_and_only_the_writer_or_a_maintainer_edits(lab, proposal):
    comment = lab.as_("outsider").get_issue(1).create_comment("Looks **good**")
    assert comment.user.login == "outsider"
    assert comment.html_url == f"{lab.url}/lab/taxonomy/pull/1#issuecomment-{comment.id}"
    with pytest.raises(GithubException) as refused:
        lab.as_("contributor").get_issue(1).get_comment(comment.id).edit("I say so")
    assert refused.value.status == 403
    comment.edit("Looks fine")
    lab.as_("maintainer").get_pull(1).get_issue_comment(comment.id).edit("Looks right")
    assert [one.body for one in lab.as_("contributor").get_pull(1).get_issue_comments()] == ["Looks right"]
    lab.as_("maintainer").get_issue(1).get_comment(comment.id).delete()
    assert lab.as_("contributor").get_pull(1).get_issue_comments().totalCount == 0
    told = [event.action for event in lab.events if event.name == "issue_comment"]
    assert told == ["created", "edited", "edited", "deleted"]


def test_a_comments_event_runs_on_the_default_branch(lab, proposal):
    lab.as_("maintainer").get_pull(1).create_issue_comment("/arborist sample")
    (event,) = lab.happened("issue_comment", "created")
    main = lab.as_("maintainer").get_branch("main").commit.sha
    assert (event.sha, event.ref, event.actor) == (main, "refs/heads/main", "maintainer")
    assert event.payload["issue"]["pull_request"]["html_url"].endswith("/pull/1")
    assert event.payload["comment"]["author_association"] == "COLLABORATOR"


def test_a_comment_holds_65536_characters_and_not_one_more(lab, proposal):
    issue = lab.as_("outsider").get_issue(1)
    issue.create_comment("x" * 65_536)
    with pytest.raises(GithubException) as refused:
        issue.create_comment("x" * 65_537)
    assert refused.value.status == 422
    assert "65536" in refused.value.data["errors"][0]["message"]


def test_reactions_come_once_from_each(lab, proposal):
    comment = lab.as_("contributor").get_issue(1).create_comment("/arborist sample")
    seen = lab.as_("maintainer").get_issue(1).get_comment(comment.id)
    first, again = seen.create_reaction("eyes"), seen.create_reaction("eyes")
    assert first.id == again.id
    lab.as_("maintainer").get_issue(1).create_reaction("rocket")
    assert [one.content for one in seen.get_reactions()] == ["eyes"]
    assert [one.content for one in lab.as_("outsider").get_issue(1).get_reactions()] == ["rocket"]
    first_again = seen.delete_reaction(first.id)
    assert first_again
    assert seen.get_reactions().totalCount == 0


def test_labels_are_put_and_taken_by_those_who_may(lab, proposal):
    maintainer = lab.as_("maintainer")
    maintainer.create_label("knowledge", "0e8a16", "A knowledge leaf")
    pull = maintainer.get_pull(1)
    pull.add_to_labels("knowledge", "brand new")
    pull.update()
    assert sorted(label.name for label in pull.labels) == ["brand new", "knowledge"]
    assert [issue.number for issue in maintainer.get_issues(labels=["Knowledge"])] == [1]
    pull.remove_from_labels("brand new")
    assert [label.name for label in pull.get_labels()] == ["knowledge"]
    (event, _) = lab.happened("pull_request", "labeled")
    assert event.payload["label"]["name"] == "knowledge"
    with pytest.raises(GithubException) as refused:
        lab.as_("contributor").get_pull(1).add_to_labels("bug")
    assert refused.value.status == 403
    with pytest.raises(GithubException) as refused:
        maintainer.create_label("Knowledge", "ffffff")
    assert refused.value.data["errors"][0]["code"] == "already_exists"


def test_issues_are_opened_closed_and_listed_beside_pull_requests(lab, proposal):
    issue = lab.as_("outsider").create_issue("A question", body="Why?", labels=["question"])
    assert issue.number == 2
    assert issue.labels == []  # who may not set labels has them dropped
    assert [one.number for one in lab.as_("maintainer").get_issues()] == [2, 1]
    assert lab.as_("maintainer").get_issue(1).pull_request is not None
    for more in ({"labels": ["question"]}, {"assignees": ["outsider"]}):
        with pytest.raises(GithubException) as refused:
            issue.edit(**more)
        assert refused.value.status == 403
    issue.edit(state="closed", state_reason="not_planned")
    assert (issue.state, issue.state_reason) == ("closed", "not_planned")
    assert [one.number for one in lab.as_("maintainer").get_issues(state="closed")] == [2]
    assert [event.action for event in lab.events if event.name == "issues"] == ["opened", "closed"]


def test_a_review_comments_on_a_line_of_the_diff(lab, proposal):
    pull = lab.as_("maintainer").get_pull(1)
    review = pull.create_review(
        body="One thing",
        event="REQUEST_CHANGES",
        comments=[{"path": "taxonomy/leaf/qna", "line": 1, "side": "RIGHT", "body": "Quote it"}],
    )
    assert review.state == "CHANGES_REQUESTED"
    (comment,) = lab.as_("contributor").get_pull(1).get_review_comments()
    assert (comment.path, comment.line, comment.body) == ("taxonomy/leaf/qna", 1, "Quote it")
    assert comment.diff_hunk == "@@ -0,0 +1 @@\n+version: 3"
    reply = lab.as_("contributor").get_pull(1).create_review_comment_reply(comment.id, "Done")
    assert reply.in_reply_to_id == comment.id
    with pytest.raises(GithubException) as refused:
        pull.create_review(event="COMMENT", comments=[{"path": "taxonomy/leaf/qna", "line": 9, "body": "?"}])
    assert "must be part of the diff" in refused.value.data["errors"][0]
    with pytest.raises(GithubException):
        lab.as_("contributor").get_pull(1).create_review(event="APPROVE")


def test_a_check_run_carries_annotations_fifty_a_request(lab, proposal):
    pull, _ = proposal
    bot = lab.as_("arborist[bot]")
    output = {"title": "1 error", "summary": "See `qna`", "annotations": [ANNOTATION] * 50}
    run = bot.create_check_run("arborist lint", pull.head.sha, conclusion="failure", output=output)
    assert (run.status, run.conclusion, run.app.slug) == ("completed", "failure", "arborist")
    run.edit(output={**output, "annotations": [ANNOTATION]})
    assert run.output.annotations_count == 51
    assert run.get_annotations()[50].message == "version must be quoted"
    (seen,) = lab.as_("outsider").get_commit(pull.head.sha).get_check_runs(check_name="arborist lint")
    assert seen.id == run.id
    pull.update()
    assert pull.mergeable_state == "unstable"
    with pytest.raises(GithubException) as refused:
        run.edit(output={**output, "annotations": [ANNOTATION] * 51})
    assert refused.value.status == 422
    assert run.get_annotations().totalCount == 51
    assert [event.action for event in lab.events if event.name == "check_run"] == ["created", "completed"]


def test_only_apps_write_check_runs(lab, proposal):
    pull, _ = proposal
    with pytest.raises(GithubException) as refused:
        lab.as_("maintainer").create_check_run("mine", pull.head.sha)
    assert refused.value.status == 403


def test_the_newest_check_run_of_a_name_counts(lab, proposal):
    pull, _ = proposal
    bot = lab.as_("arborist[bot]")
    for conclusion in ("failure", "success"):
        bot.create_check_run("arborist lint", pull.head.sha, conclusion=conclusion)
    commit = bot.get_commit(pull.head.sha)
    assert [run.conclusion for run in commit.get_check_runs()] == ["success"]
    assert commit.get_check_runs(filter="all").totalCount == 2
    (suite,) = commit.get_check_suites()
    assert suite.head_sha == pull.head.sha


def test_statuses_are_combined_by_context(lab, proposal):
    pull, _ = proposal
    commit = lab.as_("maintainer").get_commit(pull.head.sha)
    commit.create_status("failure", context="lint")
    commit.create_status("success", context="lint", description="fixed")
    assert commit.get_combined_status().state == "success"
    commit.create_status("pending", context="sample")
    assert commit.get_combined_status().state == "pending"
    assert [status.state for status in commit.get_statuses()] == ["pending", "success", "failure"]


def test_the_page_of_a_pull_request_shows_what_was_said(lab, proposal):
    pull, _ = proposal
    table = "| a | b |\n|---|---|\n| 1 | <script>alert(1)</script> |"
    text = f"{table}\n\n<details><summary>More</summary>\n\n*x*\n\n</details>"
    comment = lab.as_("arborist[bot]").get_issue(1).create_comment(text)
    lab.as_("arborist[bot]").create_check_run("arborist lint", pull.head.sha, conclusion="success")
    page = requests.get(comment.html_url, timeout=10)
    assert page.status_code == 200
    assert f'id="issuecomment-{comment.id}"' in page.text
    assert "<td>1</td>" in page.text
    assert "<details><summary>More</summary>" in page.text
    assert "<script>" not in page.text
    assert "arborist lint</a>: success" in page.text
    assert requests.get(f"{lab.url}/lab/taxonomy", timeout=10).text.count("A new leaf") == 1
    assert requests.get(f"{lab.url}/lab/taxonomy/pull/9", timeout=10).status_code == 404


@given(st.text(alphabet="<>/abdeilmnorstuy \n!-\"'=()[]:;&#x", max_size=80))
def test_no_comment_brings_its_own_html(text):
    shown = render(text)
    for tag in ("<script", "<img o", "<iframe", "<style", "<a o", "<!--"):
        assert tag not in shown.lower()


@pytest.mark.parametrize(
    "text", ["<script>1</script>", "<img src=x onerror=1>", "<b onclick=1>", "<!-- x --><i>"]
)
def test_html_is_shown_as_text(text):
    assert "&lt;" in render(text)


def test_what_is_not_there_is_404(lab):
    with pytest.raises(UnknownObjectException):
        lab.as_("maintainer").get_issue(1)
    with pytest.raises(UnknownObjectException):
        lab.client("maintainer").get_repo("lab/nothing")


def test_a_check_tells_which_app_made_it_and_can_be_asked_for_by_app(lab, proposal):
    pull, _ = proposal
    lab.github.create_user("another[bot]", token=lab.token("another[bot]"))
    lab.github.add_collaborator(TAXONOMY, "another[bot]", "write")
    for login in ("arborist[bot]", "another[bot]"):
        lab.as_(login).create_check_run("arborist lint", pull.head.sha, conclusion="success")
    lab.workflow({"checks": "write"}).create_check_run("arborist lint", pull.head.sha, conclusion="failure")
    commit = lab.as_("outsider").get_commit(pull.head.sha)
    found = {run.app.slug: run for run in commit.get_check_runs(check_name="arborist lint")}
    assert sorted(found) == ["another", "arborist", "github-actions"]
    assert found["github-actions"].app.id == 15368
    requester = lab.as_("outsider").requester
    for kind, listed in (("check-runs", "check_runs"), ("check-suites", "check_suites")):
        url = f"{commit.url}/{kind}?app_id=15368"
        _, answer = requester.requestJsonAndCheck("GET", url)
        assert [one["app"]["slug"] for one in answer[listed]] == ["github-actions"]
    with pytest.raises(GithubException, match="created it"):
        lab.as_("another[bot]").get_check_run(found["arborist"].id).edit(conclusion="failure")
