"""Results of checks, printed one per line: ok, missing, unknown, or advice."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "unknown", "advice"]
_SIGNS = {"ok": "✔", "missing": "✘", "unknown": "?", "advice": "!"}


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check.

    Attributes:
        state: `ok`, `missing`, `unknown` (cannot be checked from this machine) or `advice` (works, but could
            be safer).
        what: what was found, or how to fix it.
    """

    name: str
    state: State
    what: str


def seen(name: str, there: bool, what: str, hint: str, otherwise: State = "missing") -> Diagnosis:
    """Return an `ok` diagnosis with `what` if `there`, else one in state `otherwise` with `hint`."""
    return Diagnosis(name, "ok", what) if there else Diagnosis(name, otherwise, hint)


def show(found: Iterable[Diagnosis]) -> bool:
    """Print each diagnosis as it arrives and return whether nothing is missing."""
    all_well = True
    for one in found:
        print(f"{_SIGNS[one.state]} {one.name}: {one.what}", flush=True)
        all_well &= one.state != "missing"
    return all_well
