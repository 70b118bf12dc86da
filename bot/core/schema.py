"""JSON Schema validation of data that is exchanged with users and other systems."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

LONGEST_MESSAGE = 200
"""Maximum length of a violation's message in `first_violation`; messages quote the data."""


def first_mistake(data: Any, schema: Path, part: str = "") -> tuple[str, str] | None:
    """Validate data against a JSON Schema and return the most relevant violation.

    Args:
        schema: path of the schema file.
        part: the top-level property that the data is the value of; "" if the data is the whole document.

    Returns:
        The path of the invalid value ("train.knowledge") and what is wrong with it; None if valid.
    """
    import jsonschema_rs

    whole = json.loads(schema.read_text())
    wanted = whole["properties"][part] if part else whole
    with suppress(ValueError):  # raised for types that JSON does not have, such as dates
        if jsonschema_rs.validator_for(wanted).is_valid(data):
            return None
    # Imported only after a violation: jsonschema has better messages, but is slow to import.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    worst = best_match(Draft202012Validator(wanted).iter_errors(data))
    if worst is None:
        return None
    path = [*([part] if part else []), *map(str, worst.absolute_path)]
    forbidden = worst.validator == "not"  # a combination of keys that the schema excludes
    message = "cannot be combined with the other keys here" if forbidden else worst.message
    return ".".join(path) or "top level", message


def first_violation(data: Any, schema: Path) -> str:
    """Validate data of any size against a JSON Schema; stop at the first violation.

    `first_mistake` has better messages, but collects all violations, which takes minutes for data with
    millions of them.

    Args:
        schema: path of the schema file.

    Returns:
        The path of the invalid value and what is wrong with it, in one line; "" if the data is valid.
    """
    import jsonschema_rs

    try:
        jsonschema_rs.validate(json.loads(schema.read_text()), data)
    except jsonschema_rs.ValidationError as error:
        place = ".".join(map(str, error.instance_path)) or "top level"
        return f"{place}: {' '.join(error.message[:LONGEST_MESSAGE].split())}"
    except ValueError as error:  # nested too deeply, or a type that JSON does not have
        return f"top level: {error}"
    return ""
