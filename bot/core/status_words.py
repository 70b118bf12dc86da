"""The words for a run's status, the same in a terminal and in a comment."""

from collections.abc import Iterator
from datetime import datetime

from bot.core.durations import readable
from bot.core.progress import Count
from bot.core.run_status import RunStatus


def title_of(status: RunStatus) -> str:
    """Return what a run makes, of which commit."""
    whose = f" for pull request {status.pull}" if status.pull else ""
    commit = f" of {status.commit[:7]}" if status.commit else ""
    return f"{status.kind}{whose}{commit}"


def step_of(status: RunStatus) -> str:
    """Return the step of a run and how far it is: "training knowledge, 40 of 200 optimizer steps"."""
    count = status.count
    far = f", {count.done:,} of {count.total:,} {count.unit}" if count and count.total else ""
    return f"{status.step}{far}"


def left_of(status: RunStatus) -> str:
    """Return the estimates of the time left; "" if nothing is known."""
    step, run = status.count.seconds_left if status.count else None, status.run_seconds_left
    parts = [
        f"about {readable(seconds)} left {where}"
        for seconds, where in ((step, "in this step"), (run, "in all"))
        if seconds
    ]
    return f"{', '.join(parts)} (estimated)" if parts else ""


def lines_of(status: RunStatus, now: datetime) -> list[str]:
    """Return the lines that tell the state of a run; the first one tells the most. The URL is not among them.

    Args:
        now: the time by the reader's clock.
    """
    title, silent = title_of(status), status.silent(now)
    took = readable(status.seconds)
    if status.state == "done":
        ago = readable(max(0.0, (now - status.updated).total_seconds()))
        return [f"{title}: done after {took}{_cost(status)}, {ago} ago"]
    if status.state == "failed":
        first = f"{title}: failed after {took}{_cost(status)}, at: {step_of(status)}"
        return [first, *([status.reason] if status.reason else [])]
    if silent:
        gone = f"no sign of life for {readable(silent)}; its last step was: {step_of(status)}"
        return [f"{title}: {gone}", "the process was probably killed; the next run goes on where it stopped"]
    return [f"{title}: {step_of(status)}", *_details(status, took)]


def _details(status: RunStatus, took: str) -> Iterator[str]:
    if status.count and status.count.leaf:
        yield f"leaf {status.count.leaf}{_number(status.count)}"
    speed = status.count.tokens_per_second if status.count else None
    facts = [f"{speed:,.0f} tokens/s" if speed else "", left_of(status)]
    if any(facts):
        yield "; ".join(filter(None, facts))
    yield f"running for {took}{_cost(status)}{' so far' if status.cost else ''}"


def _number(count: Count) -> str:
    return f" ({count.leaf_number:,} of {count.leaves:,})" if count.leaves else ""


def _cost(status: RunStatus) -> str:
    cost = status.cost
    return f", {cost.amount:,.2f} {cost.currency}" if cost else ""
