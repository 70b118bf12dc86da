"""The account of a day's GPU hours on this machine, in one file that all its runners share."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from bot.core.errors import UserError

FILE = "gpu-hours.json"
HOUR_S = 3600.0


def today() -> str:
    """Return the current day in UTC, as YYYY-MM-DD."""
    return datetime.now(UTC).date().isoformat()


@dataclass(frozen=True)
class Account:
    """The GPU hours of the current day (UTC).

    Time is booked before it is used, so a runner that is killed has paid for it.

    Attributes:
        folder: the folder of the file.
        gpus: how many GPUs a job of this runner uses; a machine without one counts as one.
        ceiling_h: the GPU hours that jobs may use a day; None for no ceiling.
        day: returns the current day.
    """

    folder: Path
    gpus: int
    ceiling_h: float | None = None
    day: Callable[[], str] = today

    @property
    def file(self) -> Path:
        """The file with the day and its GPU seconds."""
        return self.folder / FILE

    def check(self) -> None:
        """Check that a job may start today.

        Raises:
            UserError: the ceiling is reached.
        """
        if self.left_s() <= 0:
            used = self.used_s() / HOUR_S
            raise UserError(
                f"{used:.2f} of the day's {self.ceiling_h:g} GPU hours are used (--day-hours): no job is "
                f"taken before 00:00 UTC; {self.file} has the account"
            )

    def left_s(self) -> float:
        """Return for how many more seconds a job may run today; infinity without a ceiling."""
        if self.ceiling_h is None:
            return float("inf")
        return (self.ceiling_h * HOUR_S - self.used_s()) / self.gpus

    def used_s(self) -> float:
        """Return the GPU seconds that were used today.

        Raises:
            UserError: the file cannot be read.
        """
        try:
            found = json.loads(self.file.read_text())
            seconds, day = float(found["gpu_seconds"]), str(found["day"])
        except FileNotFoundError:
            return 0.0
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{self.file}: not an account of GPU hours; delete it to begin the day anew"
            ) from None
        return seconds if day == self.day() else 0.0

    def book(self, seconds: float) -> None:
        """Add time of a job on this runner's GPUs to the day; negative for time that was not used."""
        with FileLock(self.folder / f"{FILE}.lock"):
            used = max(0.0, self.used_s() + seconds * self.gpus)
            written = self.file.with_suffix(".new")
            with written.open("w") as file:
                json.dump({"day": self.day(), "gpu_seconds": round(used, 3)}, file)
                file.flush()
                os.fsync(file.fileno())
            written.replace(self.file)
