"""Notes on whether a teacher suits a leaf, from what the filters dropped."""

from collections.abc import Mapping

FAULTS = {
    "cut": "This teacher's answers are cut",
    "shape": "This teacher's answers do not have the shape of the examples' answers",
    "unchanged": "This teacher's answers repeat the task",
    "language": "This teacher does not write in the leaf's language",
    "repeats": "This teacher repeats itself",
    "unreadable": "This teacher does not write in the requested format",
}
"""Filters whose drops are the teacher's fault, and what they show."""
NOT_JUDGED = ("earlier", "same", "duplicate", "no answer", "refused")
"""Filters whose drops say nothing about the teacher's writing."""
FEWEST = 4
"""With fewer candidates, nothing can be said of the teacher."""


def teacher_notes(dropped: Mapping[str, int], accepted: int) -> list[str]:
    """Return a sentence for each fault that half of the candidates have, and one if all were dropped.

    Args:
        dropped: filter -> number of candidates that it dropped.
        accepted: number of accepted candidates.
    """
    candidates = accepted + sum(dropped.values())
    judged = accepted + sum(count for name, count in dropped.items() if name not in NOT_JUDGED)
    if candidates < FEWEST:
        return []
    notes = [
        f"{fault}: {dropped[name]} of {judged}."
        for name, fault in FAULTS.items()
        if 2 * dropped.get(name, 0) >= judged >= FEWEST
    ]
    if not accepted:
        notes.append(f"No sample came from the teacher: all {candidates} candidates were dropped.")
    return notes
