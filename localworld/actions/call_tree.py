"""The call tree of a run's workflow files, and the job names that GitHub shows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from localworld.actions.act import Line
from localworld.actions.workflow_file import Workflow

PLACES_SHOWN = 256
"""The maximum size of the tree, which can grow exponentially with the depth of calls."""


@dataclass(frozen=True, eq=False)
class Place:
    """A node of the call tree: a workflow at one place where it is called.

    Attributes:
        workflow: the called workflow; the same workflow can be called at several places.
        above: the place of the calling workflow; None for the run's own workflow.
        caller: the id of the calling job.
    """

    workflow: Workflow
    above: "Place | None" = None
    caller: str = ""

    @property
    def name(self) -> str:
        """The calling job's name, in which expressions are not evaluated."""
        return declared_name(self.above.workflow, self.caller) if self.above else ""

    @property
    def prefix(self) -> str:
        """The prefix that GitHub shows before the names of this workflow's jobs."""
        return f"{self.above.prefix}{self.name} / " if self.above else ""

    def path(self) -> "Iterator[Place]":
        """Yield this place and all places above it."""
        yield self
        if self.above:
            yield from self.above.path()


def places(workflow: Workflow, workflows: Mapping[str, Workflow]) -> list[Place]:
    """Return the call tree of a run's workflow in depth-first order, at most PLACES_SHOWN places.

    Args:
        workflow: the run's workflow.
        workflows: all workflows of the run, by reference.
    """
    return list(islice(_places(Place(workflow), workflows), PLACES_SHOWN))


def _places(place: Place, workflows: Mapping[str, Workflow]) -> Iterator[Place]:
    """Yield a place and all below it; recursive calls, which GitHub rejects, are not followed."""
    yield place
    for job, reference in place.workflow.calls().items():
        called = workflows[reference]
        if all(one.workflow is not called for one in place.path()):
            yield from _places(Place(called, place, job), workflows)


def workflow_name(workflow: Workflow) -> str:
    """Return act's name of a workflow."""
    return str(workflow.data.get("name") or Path(workflow.path).name)


def declared_name(workflow: Workflow, job: str) -> str:
    """Return the name of a job from its workflow file, in which expressions are not evaluated."""
    return str(workflow.jobs[job].get("name") or job)


def with_matrix(workflow: Workflow, line: Line, name: str) -> str:
    """Return GitHub's name of a matrix job, such as `test (3.11, linux)`, for act's, such as `test-1`."""
    if not line.matrix:
        return name
    name = re.sub(r"-\d+$", "", name)
    if "matrix." in str(workflow.jobs.get(line.job_id, {}).get("name", "")):
        return name
    matrix = (workflow.jobs.get(line.job_id, {}).get("strategy") or {}).get("matrix")
    order = list(matrix) if isinstance(matrix, dict) else []
    keys = sorted(line.matrix, key=lambda key: order.index(key) if key in order else len(order))
    return f"{name} ({', '.join(str(line.matrix[key]) for key in keys)})"
