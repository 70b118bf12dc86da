"""A store that answers as slowly as one on the network, and counts what it is asked."""

import threading
import time
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

PAGE = 1_000
"""Files in a page of a listing, as on S3 and on the Hub."""


class CountedFileSystem(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The memory file system behind a delay; `requests` counts what a store on the network would be asked."""

    protocol = "counted"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    requests = 0
    delay_s = 0.05
    _asking = threading.local()
    _lock = threading.Lock()

    def _asked(self, name: str, *arguments: Any, **options: Any) -> Any:
        if getattr(self._asking, "now", False):
            return getattr(MemoryFileSystem, name)(self, *arguments, **options)
        self._asking.now = True
        try:
            answer = getattr(MemoryFileSystem, name)(self, *arguments, **options)
        finally:
            self._asking.now = False
            pages = 1 + len(answer) // PAGE if name == "find" else 1
            with self._lock:
                type(self).requests += pages
            time.sleep(self.delay_s * pages)
        return answer


def _counted(name: str) -> Any:
    return lambda self, *arguments, **options: self._asked(name, *arguments, **options)


for _name in (
    "cat_file",
    "pipe_file",
    "put_file",
    "get_file",
    "exists",
    "info",
    "ls",
    "find",
    "glob",
    "rm_file",
):
    setattr(CountedFileSystem, _name, _counted(_name))
fsspec.register_implementation("counted", CountedFileSystem)
