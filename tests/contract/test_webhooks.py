"""The payloads of events: GitHub's own fit the schemas, and what is wrong in one is said with its place."""

import copy

import pytest

from localworld.github import Event, GitHub
from tests.contract import slice as cut
from tests.contract.plugin import VIOLATIONS, take
from tests.contract.webhooks import check_payload, recorded


@pytest.mark.parametrize("name", cut.RECORDED)
def test_a_recorded_payload_fits(name):
    assert check_payload(name.partition(".")[0], recorded(name)) == []


def test_it_catches_a_missing_field_a_wrong_type_and_an_unknown_action():
    payload = copy.deepcopy(recorded("pull_request.opened"))
    del payload["pull_request"]["head"]["sha"]
    payload["number"] = "7"
    said = {str(violation) for violation in check_payload("pull_request", payload)}
    assert said == {
        'event pull_request opened: pull_request.head: "sha" is a required property',
        'event pull_request opened: number: "7" is not of type "integer"',
    }
    assert "no schema for it here" in str(check_payload("pull_request", {"action": "sang"})[0])


def test_the_events_of_a_watched_github_are_checked(tmp_path, contract):
    github = contract.watch(GitHub(tmp_path, "http://127.0.0.1"))
    github.emit(Event("push", "", "lab/taxonomy", recorded("push"), "", "", "alice", from_fork=False))
    assert take(VIOLATIONS) == ""
    github.emit(Event("push", "", "lab/taxonomy", {}, "", "", "alice", from_fork=False))
    assert 'event push event: payload: "commits" is a required property (1x)' in take(VIOLATIONS)
