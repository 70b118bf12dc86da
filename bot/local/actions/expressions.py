"""The few expressions that a dispatcher must understand: those in `concurrency`."""

import re
from collections.abc import Mapping
from typing import Any

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TERM = re.compile(r"\s*('(?:[^']|'')*'|[A-Za-z_][\w.-]*|\d+)\s*")


class Unknown(Exception):
    """An expression that is more than paths, literals and `||`."""


def evaluate(text: str, context: Mapping[str, Any]) -> str:
    """A string with its `${{ … }}` filled in.

    Args:
        context: `github`, `inputs`, … as nested mappings.

    Raises:
        Unknown: an expression uses what is not understood here.
    """
    return _EXPRESSION.sub(lambda match: _shown(_either(match.group(1), context)), text)


def _either(expression: str, context: Mapping[str, Any]) -> Any:
    value: Any = None
    for term in expression.split("||"):
        value = _term(term, context)
        if value not in (None, "", False, 0):
            return value
    return value


def _term(term: str, context: Mapping[str, Any]) -> Any:
    found = _TERM.fullmatch(term)
    if not found:
        raise Unknown(f"the expression {term.strip()!r} is not understood by the local dispatcher")
    text = found.group(1)
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.isdigit():
        return int(text)
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    value: Any = context
    for name in text.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
