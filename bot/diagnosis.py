"""One line for each check or setting: in order, missing, not visible from here, or advice."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "unknown", "advice"]
_SIGNS = {"ok": "✔", "missing": "✘", "unknown": "?", "advice": "!"}


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes:
        state: whether it is in order; `unknown` where it cannot be seen from here, `advice` where it works
            and could be safer.
        what: what was found, and for what is missing how to mend it.
    """

    name: str
    state: State
    what: str


def seen(name: str, there: bool, what: str, mend: str, otherwise: State = "missing") -> Diagnosis:
    """What was found, or else how to mend its lack."""
    return Diagnosis(name, "ok", what) if there else Diagnosis(name, otherwise, mend)


def show(found: Iterable[Diagnosis]) -> bool:
    """Print each as it comes; returns whether nothing is missing."""
    all_well = True
    for one in found:
        print(f"{_SIGNS[one.state]} {one.name}: {one.what}", flush=True)
        all_well &= one.state != "missing"
    return all_well
