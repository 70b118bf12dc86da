"""Evaluation of GitHub Actions expressions in a workflow's `concurrency`, which the dispatcher needs.

act evaluates all other expressions. The rules are GitHub's: loose, case-insensitive comparison.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_EMBEDDED = re.compile(r"\$\{\{((?:[^'}]|'(?:[^']|'')*'|\}(?!\}))*)\}\}")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))"
    r"|(?P<string>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>\|\||&&|==|!=|<=|>=|[!<>().,*\[\]]))"
)
_WORDS = {"true": True, "false": False, "null": None}
_DEPTH = 50


class Unknown(Exception):
    """An expression that the local world cannot evaluate; the message has the expression."""


def evaluate(text: str, context: Mapping[str, Any]) -> str:
    """Replace each `${{ … }}` in a text by its value.

    Args:
        context: `github`, `inputs`, `vars`, … as nested mappings.

    Raises:
        Unknown: an expression is invalid, or uses a name that is not in the context.
    """
    if "${{" in _EMBEDDED.sub("", text):
        raise Unknown(f"the local dispatcher cannot evaluate the expression in {text!r}")
    return _EMBEDDED.sub(lambda match: _shown(_Parser(match.group(1), context).value()), text)


def truth(text: str, context: Mapping[str, Any]) -> bool:
    """Return whether a boolean setting such as `cancel-in-progress`, possibly an expression, is true."""
    return evaluate(text, context).lower() == "true"


class _Parser:
    """A recursive-descent parser that evaluates one expression, with GitHub's operator precedence."""

    def __init__(self, text: str, context: Mapping[str, Any]) -> None:
        self.text, self.context = text.strip(), {name.lower(): value for name, value in context.items()}
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(self.text):
            found = _TOKEN.match(self.text, position)
            if not found or not found.lastgroup:
                raise self._unknown()
            self.tokens.append((found.lastgroup, found.group(found.lastgroup)))
            position = found.end()
        self.depth = 0

    def value(self) -> Any:
        """Return the value of the whole expression."""
        found = self._either()
        if self.tokens:
            raise self._unknown()
        return found

    def _unknown(self) -> Unknown:
        return Unknown(f"the local dispatcher cannot evaluate the expression {self.text!r}")

    def _take(self, *signs: str) -> str:
        """Consume and return the next token if it is one of these signs; otherwise return ""."""
        if self.tokens and self.tokens[0][0] == "sign" and self.tokens[0][1] in signs:
            return self.tokens.pop(0)[1]
        return ""

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unknown()

    def _either(self) -> Any:
        self.depth += 1
        if self.depth > _DEPTH:
            raise self._unknown()
        found = self._both()
        while self._take("||"):
            other = self._both()
            found = found if _true(found) else other
        self.depth -= 1
        return found

    def _both(self) -> Any:
        found = self._compared()
        while self._take("&&"):
            other = self._compared()
            found = other if _true(found) else found
        return found

    def _compared(self) -> Any:
        found = self._negated()
        while sign := self._take("==", "!=", "<", "<=", ">", ">="):
            found = _compare(found, sign, self._negated())
        return found

    def _negated(self) -> Any:
        negations = 0
        while self._take("!"):
            negations += 1
        found = self._path()
        return found if not negations else _true(found) == (negations % 2 == 0)

    def _path(self) -> Any:
        found = self._primary()
        while sign := self._take(".", "["):
            if self._take("*"):
                every = found.values() if isinstance(found, Mapping) else found
                found = _Filtered(every if isinstance(found, Mapping | list) else [])
                name = None
            elif sign == "." and self.tokens and self.tokens[0][0] == "name":
                name = self.tokens.pop(0)[1]
            elif sign == "[":
                name = self._either()
            else:
                raise self._unknown()
            if sign == "[":
                self._expect("]")
            if name is not None:
                found = _member(found, name)
        return found

    def _primary(self) -> Any:
        if self._take("("):
            found = self._either()
            self._expect(")")
            return found
        if not self.tokens or self.tokens[0][0] == "sign":
            raise self._unknown()
        kind, text = self.tokens.pop(0)
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text, 16) if "0x" in text else float(text)
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if self._take("("):
            return self._call(text)
        if text.lower() not in self.context:
            raise self._unknown()
        return self.context[text.lower()]

    def _call(self, name: str) -> Any:
        arguments: list[Any] = []
        while not self._take(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._either())
        function = _FUNCTIONS.get(name.lower())
        if function is None:
            raise self._unknown()
        try:
            return function(*arguments)
        except (TypeError, ValueError, IndexError):
            raise self._unknown() from None


class _Filtered(list[Any]):
    """The value of `.*`; a name after it is looked up in each item."""


def _member(value: Any, name: Any) -> Any:
    if isinstance(value, _Filtered):
        found = (_member(item, name) for item in value)
        return _Filtered(item for item in found if item is not None)
    if isinstance(value, list):
        return value[int(name)] if isinstance(name, int | float) and 0 <= name < len(value) else None
    if isinstance(value, Mapping):
        wanted = _shown(name).lower()
        return next((item for key, item in value.items() if str(key).lower() == wanted), None)
    return None


def _true(value: Any) -> bool:
    return isinstance(value, Mapping | list) or (value not in (None, "", False, 0) and value == value)


def _number(value: Any) -> float:
    """Convert a value to a number by GitHub's rules; NaN if it is not numeric."""
    if value is None:
        return 0.0
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        return float(value.strip() or 0) if isinstance(value, str) else float("nan")
    except ValueError:
        return float("nan")


def _compare(one: Any, sign: str, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        left, right = one.lower(), other.lower()
        return _ordered(left, sign, right)
    if isinstance(one, Mapping | list) and isinstance(other, Mapping | list):
        return (one is other) == (sign == "==")
    return _ordered(_number(one), sign, _number(other))


def _ordered(left: Any, sign: str, right: Any) -> bool:
    results: dict[str, bool] = {
        "==": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    return results[sign]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.15g}"
    return "Array" if isinstance(value, list) else "Object" if isinstance(value, Mapping) else str(value)


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(_compare(item, "==", what) for item in where)
    return _shown(what).lower() in _shown(where).lower()


def _format(template: Any, *values: Any) -> str:
    def filled(match: re.Match[str]) -> str:
        return match.group()[0] if match.group() in ("{{", "}}") else _shown(values[int(match.group(1))])

    return re.sub(r"\{\{|\}\}|\{(\d+)\}", filled, _shown(template))


def _join(values: Any, separator: Any = ",") -> str:
    return _shown(separator).join(map(_shown, values)) if isinstance(values, list) else _shown(values)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "startswith": lambda text, start: _shown(text).lower().startswith(_shown(start).lower()),
    "endswith": lambda text, end: _shown(text).lower().endswith(_shown(end).lower()),
    "format": _format,
    "join": _join,
    "tojson": lambda value: json.dumps(value, indent=2),
    "fromjson": lambda text: json.loads(_shown(text)),
}
