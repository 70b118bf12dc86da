"""Steps: each is a function of one frozen value, its inputs, whose hash is the key of the result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from bot.core.store import Entry, Store, key_of


@runtime_checkable
class Canonical(Protocol):
    """A value that says which part of it a result depends on."""

    def canonical(self) -> Any:
        """Return that part as plain data."""
        ...


@dataclass(frozen=True)
class Inputs:
    """All that the result of a step depends on. Each step has a subclass, whose fields are its inputs.

    How a step is run (the device, the number of processes, the width of a batch, the place of the store) is
    passed apart from the inputs, and may not change the result.

    Attributes:
        STEP: the step's name in the store.
        VERSION: raised whenever the same inputs give another result.
    """

    STEP: ClassVar[str]
    VERSION: ClassVar[int]

    @property
    def key(self) -> str:
        """The SHA-256 of the step's name, its version and all fields."""
        return key_of(self.step, self.VERSION, self.values())

    @property
    def step(self) -> str:
        """The step's name; a subclass with several names overrides it."""
        return self.STEP

    def values(self) -> dict[str, Any]:
        """Return all fields as plain data."""
        return {one.name: plain(getattr(self, one.name)) for one in fields(self)}


def plain(value: Any) -> Any:
    """Return a value as data that JSON has: dictionaries, lists, strings, numbers, booleans and None.

    Raises:
        TypeError: the value is something else, such as a path, which is no part of a key.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, Canonical):
        return plain(value.canonical())
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    raise TypeError(f"{type(value).__name__} cannot be part of a key: {value!r}")


def make(inputs: Inputs, store: Store, work: Callable[[Path], Mapping[str, Any] | None]) -> Entry:
    """Return the result of a step from the store; do the step's work first if the store does not have it.

    Args:
        work: receives a work folder, which survives a kill; writes the result's files to its subfolder RESULT
            and returns the facts that the entry keeps beside its files, or None.

    Raises:
        UserError: another process does the same work.
    """
    key = inputs.key
    entry = store.get(inputs.step, key)
    if entry is not None:
        return entry
    with store.work(inputs.step, key) as folder:
        facts = work(folder)
        return store.put(inputs.step, key, inputs.values(), folder=folder / RESULT, facts=facts)


RESULT = "result"
"""The folder in a step's work folder that becomes the entry."""
