"""The status of a run: what it does and how far it is, in one small file of the store that its process keeps.

Whoever reads it does not trust it: a runner wrote it. So its size is bounded, and its form is checked.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn

from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.progress import PREPARING, Count
from bot.core.schema import first_violation
from bot.core.store import Store

State = Literal["running", "done", "failed"]
VERSION = 1
FOLDER = "status"
"""The folder in the store; no step has this name."""
MOST_BYTES = 20_000
SCHEMA = "schemas/status.json"
TIME = "%Y-%m-%dT%H:%M:%SZ"
SILENT_S = 180.0
"""A run that has not written its status for this long after it should have is taken for dead."""


@dataclass(frozen=True)
class Cost:
    """What a run has cost so far: the price of the recipe times the time."""

    amount: float
    currency: str


@dataclass(frozen=True)
class RunStatus:
    """The state of a run at a moment.

    Attributes:
        kind: what the run makes: retrain, sample, precheck or trial.
        commit: the taxonomy's commit; "" if unknown.
        pull: the number of the pull request; 0 for a retraining.
        run: the URL of the workflow run; "" outside of GitHub.
        started, updated: when it began, and when it wrote this, by its machine's clock.
        every: it writes again after this many seconds, also if nothing has changed.
        reason: why it failed, in one line; "" if it did not.
        step: what is being done; after a failure, where it happened.
        count: how far the step is; None if nothing is counted.
        run_seconds_left: an estimate for the whole run, from earlier runs; None if unknown.
        cost: None if the recipe states no price.
        steps: name -> seconds so far, without the steps within it, in the order in which they began.
    """

    kind: str
    commit: str
    pull: int
    run: str
    started: datetime
    updated: datetime
    every: float
    state: State = "running"
    reason: str = ""
    step: str = PREPARING
    count: Count | None = None
    run_seconds_left: float | None = None
    cost: Cost | None = None
    steps: Mapping[str, float] | None = None

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return max(0.0, (self.updated - self.started).total_seconds())

    def silent(self, now: datetime) -> float:
        """Return for how many seconds a run has given no sign of life; 0 if it is alive or has ended."""
        age = (now - self.updated).total_seconds()
        return age if self.state == "running" and age > self.every + SILENT_S else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the status as schemas/status.json describes it."""
        steps = [{"name": name, "seconds": seconds} for name, seconds in (self.steps or {}).items()]
        times = {name: getattr(self, name).strftime(TIME) for name in ("started", "updated")}
        return {"version": VERSION, **asdict(self), **times, "steps": steps}


def path_of(store: Store, pull: int = 0) -> str:
    """Return the path of a status in a store's file system.

    Args:
        pull: the number of the pull request whose run it is; 0 for the retraining of the default branch.
    """
    return store.path(FOLDER, f"pull-{pull}.json" if pull else "retrain.json")


def read_status(store: Store, pull: int = 0) -> RunStatus | None:
    """Return the status of the newest run, with one request; None if there was none.

    Args:
        pull: see `path_of`.

    Raises:
        StoreError: this machine cannot read the store.
        UserError: the file is not a status.
    """
    path = path_of(store, pull)
    store.fs.invalidate_cache(path)  # the Hub's file system remembers what it has listed
    try:
        with store.errors("read the status of the run"):
            data: bytes = store.fs.cat_file(path, end=MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        return _parsed(data)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"store {store.url}: {path.rpartition('/')[2]} is not the status of a run ({error}); "
            "the next run replaces it"
        ) from None


def _parsed(data: bytes) -> RunStatus:
    """Parse and check a status.

    Raises:
        ValueError: it is too large, not JSON, or not as schemas/status.json describes it.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    found = json.loads(data, parse_constant=_refuse)
    violation = first_violation(found, shipped(SCHEMA))
    if violation:
        raise ValueError(violation)
    count, cost = found["count"], found["cost"]
    steps = {one["name"]: float(one["seconds"]) for one in found["steps"]}
    started, updated = (
        datetime.strptime(found[name], TIME).replace(tzinfo=UTC) for name in ("started", "updated")
    )
    facts = {name: value for name, value in found.items() if name != "version"}
    return RunStatus(
        **facts
        | {"started": started, "updated": updated, "steps": steps, "pull": int(found["pull"])}
        | {"count": Count(**count) if count else None, "cost": Cost(**cost) if cost else None}
    )


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
