"""Where the jobs of a run are: its workflow files where they are called, and the names that GitHub shows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bot.local.actions.act import Line
from bot.local.actions.workflow_file import Workflow

PLACES_SHOWN = 256
"""Files that call one another several times each, several deep, would come to no end of places."""


@dataclass(frozen=True, eq=False)
class Place:
    """A workflow where it is called; the same one may be called in several places.

    Attributes:
        above: where it is called; None of the run's own workflow.
        caller: the job there that calls it.
    """

    workflow: Workflow
    above: "Place | None" = None
    caller: str = ""

    @property
    def name(self) -> str:
        """The calling job's name; one with an expression is known only once act has evaluated it."""
        return stated_name(self.above.workflow, self.caller) if self.above else ""

    @property
    def prefix(self) -> str:
        """What GitHub shows before the names of its jobs."""
        return f"{self.above.prefix}{self.name} / " if self.above else ""

    def path(self) -> "Iterator[Place]":
        """It and all that are above it."""
        yield self
        if self.above:
            yield from self.above.path()


def places(workflow: Workflow, workflows: Mapping[str, Workflow]) -> list[Place]:
    """A run's workflow and all that it calls, where it calls them."""
    return list(islice(_places(Place(workflow), workflows), PLACES_SHOWN))


def _places(place: Place, workflows: Mapping[str, Workflow]) -> Iterator[Place]:
    """A workflow and all that it calls; one that calls itself is not followed, as GitHub refuses it."""
    yield place
    for job, reference in place.workflow.calls().items():
        called = workflows[reference]
        if all(one.workflow is not called for one in place.path()):
            yield from _places(Place(called, place, job), workflows)


def workflow_name(workflow: Workflow) -> str:
    """The name that act gives a workflow."""
    return str(workflow.data.get("name") or Path(workflow.path).name)


def stated_name(workflow: Workflow, job: str) -> str:
    """The name of a job, as its workflow states it."""
    return str(workflow.jobs[job].get("name") or job)


def with_matrix(workflow: Workflow, line: Line, name: str) -> str:
    """`test (3.11, linux)` for what act calls `test-1`."""
    if not line.matrix:
        return name
    name = re.sub(r"-\d+$", "", name)
    if "matrix." in str(workflow.jobs.get(line.job_id, {}).get("name", "")):
        return name
    stated = (workflow.jobs.get(line.job_id, {}).get("strategy") or {}).get("matrix")
    order = list(stated) if isinstance(stated, dict) else []
    keys = sorted(line.matrix, key=lambda key: order.index(key) if key in order else len(order))
    return f"{name} ({', '.join(str(line.matrix[key]) for key in keys)})"
