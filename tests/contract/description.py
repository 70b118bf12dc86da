"""GitHub's description of its API as something to ask: which operation is this, and what is allowed in it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

FILE = Path(__file__).with_name("github-openapi.json")
BASE = "urn:github"


def readable(node: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema.

    `nullable` becomes a type of its own. `oneOf` is read as `anyOf`: GitHub's alternatives overlap, its own
    examples match several of them. References lead to the registry under `BASE`.
    """
    if isinstance(node, list):
        return [readable(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {"$ref": f"{BASE}{node['$ref']}"}
    schema = {"anyOf" if key == "oneOf" else key: readable(value) for key, value in node.items()}
    if schema.get("nullable") is not True:
        return schema
    del schema["nullable"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def problems(validator: Any, instance: Any) -> Iterator[tuple[str, str]]:
    """What a schema has against a JSON value: (where in the value, message); nothing if it is valid."""
    for error in validator.iter_errors(instance):
        for found in _nearest(error):
            parts = found.instance_path
            where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
            yield where.lstrip("."), _short(found.message)


def _nearest(error: Any) -> Iterator[Any]:
    """The error itself; for an `anyOf` the errors of the alternative that came nearest to fitting."""

    def misfit(branch: list[Any]) -> tuple[bool, int]:
        depth = len(error.instance_path)
        kinds = {(type(one.kind).__name__, len(one.instance_path)) for one in branch}
        mistaken = bool(kinds & {("Type", depth), ("Enum", depth + 1)})
        return mistaken, len(branch)

    alternatives = [branch for branch in getattr(error.kind, "context", ()) if branch]
    if not alternatives:
        yield error
        return
    for inner in min(alternatives, key=misfit):
        yield from _nearest(inner)


def _short(message: str, limit: int = 300) -> str:
    return message if len(message) <= limit else f"{message[: limit // 2]} … {message[-limit // 2 :]}"


@dataclass(frozen=True)
class Operation:
    """One method on one path of GitHub's API."""

    name: str
    method: str
    path: str
    pattern: re.Pattern[str]
    described: Mapping[str, Any]
    description: "Description"

    @cached_property
    def parameters(self) -> dict[tuple[str, str], Any]:
        """Validators of the parameters: (`path` or `query`, name) -> validator."""
        found = {}
        for parameter in self.described.get("parameters", ()):
            given = self.description.resolve(parameter)
            found[given["in"], given["name"]] = self.description.validator(given["schema"])
        return found

    @cached_property
    def body(self) -> Any:
        """The validator of a JSON request body; None if the operation takes none."""
        return self._content(self.description.resolve(self.described.get("requestBody", {})))

    @property
    def body_required(self) -> bool:
        return bool(self.described.get("requestBody", {}).get("required"))

    @cached_property
    def responses(self) -> dict[int, Any]:
        """Documented statuses, each with the validator of a JSON body, or None if it has no JSON body."""
        return {
            int(status): self._content(self.description.resolve(response))
            for status, response in self.described["responses"].items()
        }

    def _content(self, holder: Mapping[str, Any]) -> Any:
        schemas = [
            media["schema"]
            for kind, media in holder.get("content", {}).items()
            if kind.endswith(("json", ".object")) and "schema" in media
        ]
        if not schemas:
            return None
        return self.description.validator(schemas[0] if len(schemas) == 1 else {"anyOf": schemas})


class Description:
    """GitHub's OpenAPI description, or a slice of it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        if not document["openapi"].startswith("3.0."):
            raise ValueError(f"OpenAPI {document['openapi']}: only 3.0, which GitHub publishes, is read here")
        components = {"components": {"schemas": readable(document["components"]["schemas"])}}
        self._registry = jsonschema_rs.Registry([(BASE, components)], draft=jsonschema_rs.Draft7)
        operations = [
            Operation(
                described["operationId"],
                method.upper(),
                path,
                self._pattern(path, described),
                described,
                self,
            )
            for path, item in document["paths"].items()
            for method, described in item.items()
        ]
        # The most literal path first: issues/comments is no issue's number, commits/{ref}/pulls no commit.
        self._operations = sorted(operations, key=lambda operation: -_literals(operation.path))

    def find(self, method: str, path: str) -> tuple[Operation | None, dict[str, str]]:
        """The operation of a request and the values in its (percent-encoded) path.

        Returns:
            (None, {}) if GitHub has no such path, or not this method there: `methods` tells which.
        """
        for operation in self._operations:
            if operation.method == method and (match := operation.pattern.fullmatch(path)):
                return operation, {name: unquote(value) for name, value in match.groupdict().items()}
        return None, {}

    def methods(self, path: str) -> list[str]:
        """The methods that a path has; none if it is not a path of GitHub's."""
        return sorted({one.method for one in self._operations if one.pattern.fullmatch(path)})

    def resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """A parameter or response, looked up if it is a reference."""
        while "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            node = self._document["components"][kind][name]
        return node

    def validator(self, schema: Mapping[str, Any]) -> Any:
        """A compiled schema; references lead into this description."""
        return jsonschema_rs.Draft7Validator(readable(schema), registry=self._registry, validate_formats=True)

    def component(self, name: str) -> Any:
        """The compiled schema of a component, such as `basic-error`."""
        return self.validator({"$ref": f"#/components/schemas/{name}"})

    def _pattern(self, path: str, described: Mapping[str, Any]) -> re.Pattern[str]:
        many = {
            parameter["name"]
            for parameter in map(self.resolve, described.get("parameters", ()))
            if parameter.get("x-multi-segment")
        }
        parts = re.split(r"\{(\w+)\}", path)
        return re.compile(
            "".join(
                f"(?P<{part}>{'.+' if part in many else '[^/]+'})" if index % 2 else re.escape(part)
                for index, part in enumerate(parts)
            )
        )


def _literals(path: str) -> int:
    return sum(not segment.startswith("{") for segment in path.split("/"))


@cache
def github() -> Description:
    """The vendored slice of GitHub's description."""
    return Description(json.loads(FILE.read_text()))
