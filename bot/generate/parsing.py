"""What a teacher wrote, read tolerantly: JSON as it was asked for, or what is written in its place."""

import json
import re
from collections.abc import Mapping
from typing import Any

FENCE = re.compile(r"```(?:json)?\s*+(.*?)```", re.DOTALL)
ITEM = re.compile(r"(?m)^[ \t]*+(?:\d++[.)]|[-*\u2022])\s++(.+)$")
VERDICT = re.compile(r"\b(YES|NO)\b")


def items_schema(count: int) -> Mapping[str, Any]:
    """The JSON schema of so many texts."""
    items = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": count}
    return {"type": "object", "properties": {"items": items}, "required": ["items"]}


VERDICT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "verdict": {"enum": ["YES", "NO"]}},
    "required": ["reason", "verdict"],
}


def read_items(text: str) -> list[str]:
    """The texts of a list: of JSON's, or of one with numbers or bullets; empty where there is neither."""
    data = _json(text)
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, list)), None)
    found = data if isinstance(data, list) else ITEM.findall(text)
    return [item.strip() for item in found if isinstance(item, str) and item.strip()]


def read_verdict(text: str) -> tuple[bool | None, str]:
    """A judge's verdict, None where there is none, and its reason."""
    data = _json(text)
    if isinstance(data, dict) and data.get("verdict") in ("YES", "NO"):
        return data["verdict"] == "YES", str(data.get("reason", ""))[:300]
    said = VERDICT.findall(text)
    return (said[-1] == "YES" if said else None), " ".join(text.split())[:300]


def _json(text: str) -> Any:
    """The JSON in a text, from its first bracket on; None where there is none that is whole."""
    fenced = FENCE.search(text)
    body = fenced[1] if fenced else text
    start = min((place for mark in "[{" if (place := body.find(mark)) >= 0), default=-1)
    if start < 0:
        return None
    try:
        return json.JSONDecoder().raw_decode(body[start:])[0]
    except (ValueError, RecursionError):
        return None
