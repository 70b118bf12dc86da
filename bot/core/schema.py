"""JSON Schema validation of data that is exchanged with users and other systems."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any


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
