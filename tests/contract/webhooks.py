"""The payloads of events, held against the schemas of GitHub's webhooks, and real ones to learn from."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.contract.checker import Violation, of_a_deleted_fork
from tests.contract.description import problems

FILE = Path(__file__).with_name("github-webhooks.json")
# Fields of today's GitHub that these schemas, written by the community, do not know yet.
NEWER = {"verified_at"}
RECORDED = Path(__file__).parent.parent / "data" / "webhooks"


def check_payload(event: str, payload: dict[str, Any]) -> list[Violation]:
    """What is wrong with the payload of an event; empty if nothing is.

    Args:
        event: the name as in X-GitHub-Event; the action is in the payload.
    """
    name = f"{event}${payload.get('action', 'event')}"
    if name not in _document()["definitions"]:
        return [Violation(f"event {event}", "action", f"{name.replace('$', ' ')}: no schema for it here")]
    return [
        Violation(f"event {name.replace('$', ' ')}", where or "payload", message)
        for where, message in problems(_validator(name), payload)
        if not of_a_deleted_fork(where, message)
        and not any(
            message.startswith(f"Additional properties are not allowed ('{field}' was") for field in NEWER
        )
    ]


def recorded(name: str) -> dict[str, Any]:
    """A real payload, such as `push` or `pull_request.opened`."""
    payload: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return payload


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FILE.read_text())
    return document


@cache
def _validator(name: str) -> Any:
    schema = {"definitions": _document()["definitions"], "$ref": f"#/definitions/{name}"}
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True)
