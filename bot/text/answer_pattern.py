"""Regular expressions of exams, which anybody can propose: their time grows in proportion to the answer.

Python's `re` can take hours for a short expression such as `(a+)+$`. jsonschema-rs, which validates the
schemas, contains Rust's regex crate, which never backtracks; its limits keep an expression small.
"""

from functools import lru_cache
from typing import Any

LONGEST = 200
"""Maximum length of an expression, in characters."""
MOST_MEMORY = 1 << 20
"""Maximum size of a compiled expression, in bytes."""


def pattern_mistake(expression: str) -> str:
    """Return why a regular expression cannot be used; "" if it can."""
    if len(expression) > LONGEST:
        return f"it has {len(expression)} characters; the maximum is {LONGEST}"
    try:
        _compiled(expression)
    except ValueError:
        return "it is invalid, too large, or has what Rust's regex crate does not know"
    return ""


def found_in(expression: str, answer: str) -> bool:
    """Whether a valid regular expression is found in an answer; upper and lower case are the same."""
    return bool(_compiled(expression).is_valid(answer.strip()))


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Any:
    """Compile an expression.

    Raises:
        ValueError: the expression is invalid or too large.
    """
    import jsonschema_rs

    limits = jsonschema_rs.RegexOptions(size_limit=MOST_MEMORY, dfa_size_limit=MOST_MEMORY)
    schema = {"type": "string", "pattern": f"(?i){expression}"}
    return jsonschema_rs.validator_for(schema, pattern_options=limits)
