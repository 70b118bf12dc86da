"""The state of an ordered story of tests, kept after each chapter, so that it can begin at any of them."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Story:
    """A story's folder, with all that its chapters write.

    Attributes:
        folder: always the same one for a kept story, since what is installed in it names its own path.
        states: where the folder's copies are kept, by the chapter after which they were made; None for none.
    """

    folder: Path
    states: Path | None = None

    @classmethod
    def kept_in(cls, place: Path, after: str) -> "Story":
        """Begin a story whose states are kept.

        Args:
            place: a folder for one story.
            after: the chapter after which it begins; "" for the beginning.
        """
        story = cls(place / "now", place / "states")
        shutil.rmtree(story.folder, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        if after:
            _copy(place / "states" / after, story.folder)
        else:
            story.folder.mkdir()
        return story

    def keep(self, chapter: str) -> None:
        """Keep the state after a chapter."""
        if self.states is not None:
            self.states.mkdir(exist_ok=True)
            shutil.rmtree(self.states / chapter, ignore_errors=True)
            _copy(self.folder, self.states / chapter)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what was made under this name earlier in the story; make it if it was not.

        Args:
            make: returns plain data.
        """
        file = self.folder / "made.json"
        made = json.loads(file.read_text()) if file.exists() else {}
        if name not in made:
            made[name] = make()
            file.write_text(json.dumps(made))
        return made[name]


def _copy(source: Path, target: Path) -> None:
    # Links, hard links and times matter to what is installed there.
    subprocess.run(["cp", "--archive", "--reflink=auto", source, target], check=True)
