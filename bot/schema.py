"""JSON Schema checks of what is read from, or handed to, somebody else."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any


def first_mistake(data: Any, schema: Path, part: str = "") -> tuple[str, str] | None:
    """The gravest violation of a schema: its place ("train.knowledge") and what is wrong; or None.

    Args:
        part: the key whose value the data are; "" if they are the whole.
    """
    import jsonschema_rs

    whole = json.loads(schema.read_text())
    wanted = whole["properties"][part] if part else whole
    with suppress(ValueError):  # a date or the like, which JSON does not have
        if jsonschema_rs.validator_for(wanted).is_valid(data):
            return None
    # Loaded for a mistake only: it tells it better, and takes longer to load than all else here.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    worst = best_match(Draft202012Validator(wanted).iter_errors(data))
    if worst is None:
        return None
    path = [*([part] if part else []), *map(str, worst.absolute_path)]
    absent = worst.validator == "not"  # a key that must not be there
    return ".".join(path) or "top level", "does not go with what is beside it" if absent else worst.message
