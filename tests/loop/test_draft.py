"""From a form to a pull request: somebody attaches a document, and a maintainer asks for a draft."""

from typing import Any

import pytest
from github.Issue import Issue

from localworld.github import policies
from localworld.github.attachments import attach
from localworld.world import World
from tests.helpers.draft_form import form_body
from tests.helpers.loop import check_is, comment_that, repository, settled, until

# Rules ask about all sentences but the last one, about which the teacher is asked.
DOCUMENT = """# Ashen fritillary

The ashen fritillary was described in 1911. The butterfly was named by Mira Halden. The Dorn Society was
founded in 1913. The caterpillar of Dorn eats nothing but violets.
"""
WORK = {
    "title": "Ashen fritillary",
    "license": "CC-BY-4.0",
    "creators": "Mira Halden",
    "link": "https://dorn.example",
}


@pytest.fixture(scope="module")
def issue(served: World, world: dict[str, Any]) -> Issue:
    """The form, sent by somebody who may only read the repository."""
    link = attach(served.github, "ashen-fritillary.md", DOCUMENT.encode())
    answers = {**WORK, "folder": "science/butterflies/ashen_fritillary"}
    body = form_body(f"[ashen-fritillary.md]({link})", **answers)
    return repository(world, "contributor").create_issue(title="Teach: ashen fritillary", body=body)


def say(world: dict[str, Any], issue: Issue, who: str, text: str) -> str:
    """Give a command; returns the bot's answer to it."""
    before = issue.get_comments().totalCount
    repository(world, who).get_issue(issue.number).create_comment(text)
    bodies = until(lambda: [one.body for one in issue.get_comments()][before + 1 :], f"an answer to {text}")
    return bodies[0].partition("\n")[2]


def test_who_may_not_is_told_and_no_gpu_starts(world: dict[str, Any], issue: Issue) -> None:
    assert "is for the role admin or maintain here" in say(world, issue, "outsider", "/arborist draft")
    settled(world)
    jobs = [
        job
        for run in repository(world, "maintainer").get_workflow("draft.yml").get_runs()
        for job in run.jobs()
    ]
    assert {job.name: job.conclusion for job in jobs} == {
        "command": "success",
        "draft": "skipped",
        "propose": "skipped",
    }


def test_a_maintainer_gets_a_pull_request_in_the_authors_name(
    served: World, world: dict[str, Any], issue: Issue
) -> None:
    here = repository(world, "maintainer")
    row = served.github.repository(world["repository"])
    assert row is not None
    policies.change(served.github, row, can_approve_pull_request_reviews=1)
    assert "Drafted: #" in say(world, issue, "maintainer", "/arborist draft")
    (pull,) = repository(world, "outsider").get_pulls(head=f"lab:arborist/draft-{issue.number}")
    leaf = "taxonomy/knowledge/science/butterflies/ashen_fritillary"
    names = {file.filename for file in pull.get_files()}
    assert {f"{leaf}/{name}" for name in ("qna.yaml", "attribution.txt", "ashen_fritillary.md")} <= names
    assert all(name.startswith(f"{leaf}/") for name in names)
    assert [commit.author.login for commit in pull.get_commits()] == ["contributor"]
    text = here.get_contents(f"{leaf}/qna.yaml", ref=pull.head.ref).decoded_content.decode()
    assert 'created_by: "contributor"' in text
    assert "1911" in text
    # The leaf is not complete yet, and its pull request says what is missing.
    check_is(world, pull, "failure")
    comment_that(pull, "qna.yaml")
