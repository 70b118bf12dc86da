"""Which names of refs and paths git accepts, told without a process."""

import re


def valid_ref(name: str) -> bool:
    """Return whether git accepts this name of a full ref, like `git check-ref-format` without a process."""
    parts = name.split("/")
    return (
        len(parts) >= 2
        and not re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{", name)
        and not name.endswith(".")
        and all(part and not part.startswith(".") and not part.endswith(".lock") for part in parts)
    )


def valid_path(path: str) -> bool:
    """Return whether this is a valid path within a tree."""
    return "\0" not in path and all(part not in {"", ".", "..", ".git"} for part in path.split("/"))
