"""The schemas of what people write: an editor shows a description of every key, and completes values."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bot.taxonomy.schema import SCHEMAS

BY_CONTRIBUTORS = ["qna-v1", "qna-v2", "qna-v3", "exam"]
BY_MAINTAINERS = ["recipe"]


def keys_of(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            yield f"{path}/{name}", value
        for name, value in schema.items():
            yield from keys_of(
                value, f"{path}/{name}" if name not in ("properties", "items", "$defs") else path
            )


@pytest.mark.parametrize("name", [*BY_CONTRIBUTORS, *BY_MAINTAINERS])
def test_every_key_has_a_description(name: str) -> None:
    keys = dict(keys_of(json.loads((SCHEMAS / f"{name}.json").read_text())))
    assert len(keys) >= 4
    assert [path for path, key in keys.items() if not key.get("description")] == []


@pytest.mark.parametrize("name", BY_CONTRIBUTORS)
def test_every_text_has_an_example_that_fits(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    for path, key in keys_of(schema):
        if key.get("type") == "string":
            assert key.get("examples"), path
        for example in key.get("examples", ()):
            Draft202012Validator({**key, "$defs": schema.get("$defs", {})}).validate(example)
