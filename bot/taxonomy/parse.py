"""A YAML parser for untrusted files: returns plain data, the place of every node, and problems.

The parser handles libyaml's events one by one instead of loading a tree. So it limits depth, size and aliases
while reading, and it does not recurse on untrusted input.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)

from bot.taxonomy.files import Files
from bot.taxonomy.parsed import Node, Other, Parsed, Place, Problem
from bot.taxonomy.syntax_problem import syntax_problem

MAX_BYTES = 5_000_000
MAX_DEPTH = 40
MAX_NODES = 100_000
"""Maximum number of nodes in one file, counting all nodes that each alias expands to."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OTHER_BREAKS = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_RESOLVERS = yaml.SafeLoader.yaml_implicit_resolvers
_TAG = "tag:yaml.org,2002:"
_CLOSING = ('"', "'", "]", "}")


class _Stop(Exception):
    """Ends parsing because of a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse_file(files: Files, path: str) -> Parsed:
    """Parse a file of the tree. A file that is too large is not read; the result contains a problem.

    Raises:
        Unreadable: the path is not a regular file, or cannot be read.
    """
    entry = files.entries.get(path)
    if entry is not None and entry.kind == "file" and entry.size > MAX_BYTES:
        return Parsed("", None, (_too_large(entry.size),))
    return parse(files.read(path, MAX_BYTES))


def _too_large(size: int) -> Problem:
    message = f"the file has {size} bytes; the maximum is {MAX_BYTES}"
    return Problem("yaml-limit", Place(1, 1, 1, 2), message, "split the leaf into several")


def parse(content: bytes) -> Parsed:
    """Parse a YAML file. Invalid content is reported in `problems`, never as an exception."""
    try:
        text = _decode(content)
    except _Stop as stop:
        return Parsed(content[:MAX_BYTES].decode("utf-8-sig", errors="replace"), None, (stop.problem,))
    reader = _Reader(text)
    root = None
    try:
        root = reader.read()
    except _Stop as stop:
        reader.problems.append(stop.problem)
    except yaml.YAMLError as error:
        reader.problems.append(syntax_problem(error, text, reader.place))
    return Parsed(text, root, tuple(reader.problems))


def _decode(content: bytes) -> str:
    """Decode a file and drop a byte-order mark.

    Raises:
        _Stop: the content is too large, not UTF-8, or contains characters that YAML forbids.
    """
    start = Place(1, 1, 1, 2)
    if len(content) > MAX_BYTES:
        raise _Stop(_too_large(len(content)))
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:4]:
        raise _Stop(Problem("yaml-encoding", start, "the file is UTF-16 or UTF-32", "save it as UTF-8"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = error.object[: error.start].decode("utf-8")
        byte = error.object[error.start]
        raise _Stop(
            Problem(
                "yaml-encoding",
                _at(good, len(good)),
                f"the byte 0x{byte:02X} is not UTF-8",
                "save the file as UTF-8",
            )
        ) from None
    bad = _UNPRINTABLE.search(text)
    if bad:
        raise _Stop(
            Problem(
                "yaml-encoding",
                _at(text, bad.start()),
                f"the control character U+{ord(bad.group()):04X} is not allowed in YAML",
                "remove it",
            )
        )
    return text


def _at(text: str, index: int) -> Place:
    line = text.count("\n", 0, index) + 1
    column = index - text.rfind("\n", 0, index)
    return Place(line, column, line, column + 1)


class _Frame:
    """A collection that is being read."""

    __slots__ = ("anchor", "key", "key_place", "node", "sequence")

    def __init__(self, node: Node, sequence: bool, anchor: str | None) -> None:
        self.node, self.sequence, self.anchor = node, sequence, anchor
        self.key: str | None = None
        self.key_place = node.place


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}
        self.unused: dict[str, Place] = {}
        self.frames: list[_Frame] = []
        self.documents = 0
        self.nodes = 0
        # GitHub and editors end lines only at \n, but YAML has more line breaks. If the text has such breaks,
        # compute positions from the line starts after \n.
        self.starts: list[int] | None = None
        if _OTHER_BREAKS.search(text):
            self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def read(self) -> Node | None:
        root: Node | None = None
        for event in self._events():
            node = self._take(event)
            if node is not None and not self.frames:
                root = node
        for name, place in self.unused.items():
            message = f"YAML reads &{name} as an anchor and drops it"
            self.problem("lost-text", place, message, "put the whole text in double quotes")
        if root is None or (root.plain and not root.raw):
            hint = "write the file's content"
            raise _Stop(Problem("yaml-empty", Place(1, 1, 1, 2), "the file is empty", hint))
        return root

    def _events(self) -> Iterator[Event]:
        parser = CParser(self.text)
        try:
            while (event := parser.get_event()) is not None:
                yield event
        finally:
            parser.dispose()

    def _take(self, event: Event) -> Node | None:
        """Process an event and return the node that it completes, if any."""
        if isinstance(event, ScalarEvent):
            node = self._scalar(event)
            self._anchor(event.anchor, node)
        elif isinstance(event, AliasEvent):
            node = self._alias(event)
        elif isinstance(event, CollectionStartEvent):
            self._open(event)
            return None
        elif isinstance(event, CollectionEndEvent):
            node = self._close(event)
        else:
            if isinstance(event, DocumentStartEvent):
                self._document(event)
            return None
        self._count(node)
        if self.frames:
            self._add(self.frames[-1], node)
        return node

    def place(self, start: Any, end: Any) -> Place:
        if self.starts is None:
            return Place(start.line + 1, start.column + 1, end.line + 1, end.column + 1)
        (line, column), (end_line, end_column) = self._position(start.index), self._position(end.index)
        return Place(line, column, end_line, end_column)

    def _position(self, index: int) -> tuple[int, int]:
        assert self.starts is not None  # noqa: S101 -- `place` checks this
        line = bisect_right(self.starts, index)
        return line, index - self.starts[line - 1] + 1

    def problem(self, rule: str, place: Place, message: str, hint: str) -> None:
        if len(self.problems) < 100:
            self.problems.append(Problem(rule, place, message, hint))

    def _document(self, event: Event) -> None:
        self.documents += 1
        if self.documents > 1:
            place = self.place(event.start_mark, event.end_mark)
            hint = "keep only one document in the file"
            raise _Stop(Problem("yaml-documents", place, "a second document begins here", hint))

    def _scalar(self, event: ScalarEvent) -> Node:
        place = self.place(event.start_mark, event.end_mark)
        plain = bool(event.implicit[0])
        value: Any = event.value
        if event.tag == "!" and not event.style:
            message = "YAML reads the ! as a tag and drops it"
            self.problem("lost-text", place, message, "put the whole text in double quotes")
        elif event.tag not in (None, "!", f"{_TAG}str"):
            self._tag(event.tag, place)
        elif plain:
            value = _resolve(event.value)
        return Node(value, place, raw=event.value, plain=plain)

    def _tag(self, tag: str, place: Place) -> None:
        name = tag.replace(_TAG, "!!")
        self.problem(
            "yaml-tag", place, f"the tag {name} is not allowed here", "remove it; put text in quotes"
        )

    def _alias(self, event: AliasEvent) -> Node:
        place = self.place(event.start_mark, event.end_mark)
        hint = "write the text out"
        if event.anchor not in self.anchors:
            message = f"the alias *{event.anchor} has no anchor &{event.anchor}"
            raise _Stop(Problem("yaml-alias", place, message, hint))
        self.unused.pop(event.anchor, None)
        node = self.anchors[event.anchor]
        if node is None:
            message = f"the alias *{event.anchor} is inside the value of its own anchor"
            raise _Stop(Problem("yaml-alias", place, message, hint))
        return node

    def _anchor(self, name: str | None, node: Node | None) -> None:
        if name is not None:
            self.anchors[name] = node
            if isinstance(node, Node) and isinstance(node.value, str):
                self.unused[name] = node.place

    def _open(self, event: CollectionStartEvent) -> None:
        place = self.place(event.start_mark, event.end_mark)
        if len(self.frames) >= MAX_DEPTH:
            message = f"more than {MAX_DEPTH} levels of nesting"
            raise _Stop(Problem("yaml-limit", place, message, "a leaf needs only five levels"))
        if event.tag not in (None, "!", f"{_TAG}map", f"{_TAG}seq"):
            self._tag(event.tag, place)
        sequence = not isinstance(event, MappingStartEvent)
        self._anchor(event.anchor, None)
        self.frames.append(_Frame(Node([] if sequence else {}, place), sequence, event.anchor))

    def _close(self, event: CollectionEndEvent) -> Node:
        frame = self.frames.pop()
        node = frame.node
        end = self.place(event.end_mark, event.end_mark)
        node.place = Place(node.place.line, node.place.column, end.line, end.column)
        self._anchor(frame.anchor, node)
        return node

    def _count(self, node: Node) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or node.size > MAX_NODES:
            raise _Stop(
                Problem(
                    "yaml-limit",
                    node.place,
                    f"more than {MAX_NODES} values, counting those that aliases expand to",
                    "split the leaf into several, and write text out instead of using aliases",
                )
            )

    def _add(self, frame: _Frame, node: Node) -> None:
        parent = frame.node
        parent.size += node.size
        if frame.sequence:
            parent.children[len(parent.value)] = node
            parent.value.append(node.value)
        elif frame.key is None:
            frame.key, frame.key_place = self._key(node), node.place
        else:
            key, frame.key = frame.key, None
            if key == "<<" and isinstance(node.value, dict):
                message = "merge keys (<<) are not allowed"
                self.problem("yaml-alias", frame.key_place, message, "write the keys out")
            elif key in parent.children:
                first = parent.keys[key].line
                hint = f"remove one of them; the first is on line {first}"
                self.problem("yaml-duplicate-key", frame.key_place, f"duplicate key {key!r}", hint)
            else:
                parent.children[key], parent.keys[key] = node, frame.key_place
                parent.value[key] = node.value

    def _key(self, node: Node) -> str:
        if isinstance(node.value, dict | list):
            hint = "put text that starts with { or [ in quotes"
            raise _Stop(Problem("yaml-syntax", node.place, "a key must be text", hint))
        return node.raw


def _resolve(text: str) -> Any:
    """Return the value of an unquoted scalar by the rules of YAML 1.1."""
    for tag, expression in _RESOLVERS.get(text[:1], ()):
        if expression.match(text):
            kind = tag.removeprefix(_TAG)
            break
    else:
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("yes", "true", "on")
    # Only numbers that JSON can represent are numbers here; 0o17, 12:30 and a thousand digits are not.
    if kind == "int" and re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,17})", text):
        return int(text)
    if kind == "float" and re.fullmatch(r"[-+]?[0-9]+\.[0-9]*", text):
        return float(text)
    names = {"int": "number", "float": "number", "timestamp": "date"}
    return Other(names.get(kind, "special value"), text)
