"""Tolerant parsing of the teacher's answers: the requested JSON, or plain text in its place."""

import json
import re
from collections.abc import Mapping
from typing import Any

FENCE = re.compile(r"```(?:json)?\s*+(.*?)```", re.DOTALL)
ITEM = re.compile(r"(?m)^[ \t]*+(?:\d++[.)]|[-*\u2022])\s++(.+)$")
VERDICT = re.compile(r"\b(YES|NO)\b")


def items_schema(count: int) -> Mapping[str, Any]:
    """Return the JSON schema of a list of 1 to `count` texts."""
    items = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": count}
    return {"type": "object", "properties": {"items": items}, "required": ["items"]}


VERDICT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "verdict": {"enum": ["YES", "NO"]}},
    "required": ["reason", "verdict"],
}


def read_items(text: str) -> list[str]:
    """Parse a JSON, numbered or bulleted list of texts; [] if the text contains none."""
    data = _json(text)
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, list)), None)
    found = data if isinstance(data, list) else ITEM.findall(text)
    return [item.strip() for item in found if isinstance(item, str) and item.strip()]


def read_verdict(text: str) -> tuple[bool | None, str]:
    """Parse a judge's verdict (True for YES, None if there is none) and its reason."""
    data = _json(text)
    if isinstance(data, dict) and data.get("verdict") in ("YES", "NO"):
        return data["verdict"] == "YES", str(data.get("reason", ""))[:300]
    found = VERDICT.findall(text)
    return (found[-1] == "YES" if found else None), " ".join(text.split())[:300]


def _json(text: str) -> Any:
    """Parse the JSON value that begins at the first bracket of a text; None if there is no valid one."""
    fenced = FENCE.search(text)
    body = fenced[1] if fenced else text
    start = min((place for mark in "[{" if (place := body.find(mark)) >= 0), default=-1)
    if start < 0:
        return None
    try:
        return json.JSONDecoder().raw_decode(body[start:])[0]
    except (ValueError, RecursionError):
        return None
