"""Statuses of runs in a store, as the runs write them."""

import json
from pathlib import Path

from bot.core.run_status import RunStatus, path_of
from bot.core.store import Store


def write_status(folder: Path, status: RunStatus) -> None:
    """Write a status to the store in a folder."""
    file = Path(path_of(Store(str(folder)), status.pull))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(status.to_json()))
