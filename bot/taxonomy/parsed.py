"""The result of parsing a YAML file: data, the place of every node, and problems with their places."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A range in a file. Lines and columns count from 1, columns in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A violation of a lint rule at a place.

    Attributes:
        message: what is wrong.
        help: how to fix it.
        fix: the text to put in the place's stead, if the fix is certain and on one line; else None.
        other: the other leaf, for a problem between two leaves.
    """

    rule: str
    place: Place
    message: str
    help: str
    fix: str | None = None
    other: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """A YAML value that is not valid JSON data, such as a date or the number 0x1f."""

    kind: str
    text: str


@dataclass(slots=True)
class Node:
    """A YAML node.

    Attributes:
        value: the node's data.
        children: the child nodes by key or index.
        keys: for a mapping, the places of its keys.
        raw: for a scalar, its text as written, without quotes.
        plain: whether the node is a scalar without quotes.
        size: the number of nodes in this node, counting all nodes that aliases expand to.
    """

    value: Any
    place: Place
    children: dict[str | int, "Node"] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    raw: str = ""
    plain: bool = False
    size: int = 1


@dataclass(frozen=True)
class Parsed:
    """A parsed file; if it cannot be used, `root` is None and `problems` lists the reasons."""

    text: str
    root: Node | None
    problems: tuple[Problem, ...]

    @property
    def data(self) -> Any:
        return self.root.value if self.root else None

    def node(self, path: Sequence[str | int]) -> Node:
        """Return the node at a path, or its nearest existing ancestor.

        Raises:
            LookupError: the file has no root node.
        """
        if self.root is None:
            raise LookupError("nothing was parsed")
        node = self.root
        for step in path:
            if step not in node.children:
                break
            node = node.children[step]
        return node

    def place(self, path: Sequence[str | int]) -> Place:
        return self.node(path).place

    def key_place(self, path: Sequence[str | int]) -> Place:
        """Return the place of a node's key; the place of the node itself if it has no key."""
        if path:
            parent = self.node(path[:-1])
            if path[-1] in parent.keys:
                return parent.keys[str(path[-1])]
        return self.place(path)

    def line(self, number: int) -> str:
        """Return a line of the file by its number, from 1, without the line end; "" past the end."""
        lines = self.text.split("\n", number)
        return lines[number - 1].rstrip("\r") if number <= len(lines) else ""


def first_of(path: str, problems: Sequence[Problem]) -> str:
    """Return the first problem of a file in one line, with path, line and column."""
    first = min(problems, key=lambda problem: (problem.place.line, problem.place.column))
    return f"{path}:{first.place.line}:{first.place.column}: {first.message}; {first.help}"
