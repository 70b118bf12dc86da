"""JSON Schema checks of what is read from, or handed to, somebody else."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any


def first_mistake(data: Any, schema: Path) -> tuple[str, str] | None:
    """The gravest violation of a schema: its place ("train.knowledge") and what is wrong; or None."""
    import jsonschema_rs

    wanted = json.loads(schema.read_text())
    with suppress(ValueError):  # a date or the like, which JSON does not have
        if jsonschema_rs.validator_for(wanted).is_valid(data):
            return None
    # Loaded for a mistake only: it tells it better, and takes longer to load than all else here.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    worst = best_match(Draft202012Validator(wanted).iter_errors(data))
    if worst is None:
        return None
    return ".".join(str(part) for part in worst.absolute_path) or "top level", worst.message
