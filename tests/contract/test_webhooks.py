"""The payloads of events: GitHub's own fit the schemas, and what is wrong in one is said with its place."""

import copy

import pytest

from tests.contract import slice as cut
from tests.contract.webhooks import check_payload, recorded

NAMES = [
    f"{event}.{action}" if action else event for event, actions in cut.RECORDED.items() for action in actions
]


@pytest.mark.parametrize("name", NAMES)
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
