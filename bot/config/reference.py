"""The reference of arborist.yaml, generated from schemas/recipe.json: the page docs/recipe.md."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bot.config.load import SCHEMA

PAGE = """# arborist.yaml

The recipe: how a taxonomy becomes a released model. `make docs` makes this page from `schemas/recipe.json`.
An editor with the YAML language server shows the same descriptions. [`recipes/`](../recipes) holds whole
recipes to begin with.

A repository that only lints may have a recipe of `version` and `lint` alone.

"""
TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
RANGES = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
HEAD = "| key | value | default | meaning |\n|---|---|---|---|\n"


def page() -> str:
    """Return the reference of all settings as Markdown."""
    schema = json.loads(SCHEMA.read_text())
    plain = {name: one for name, one in schema["properties"].items() if not _has_keys(one)}
    top = _table({"properties": plain, "required": schema["required"]})
    return PAGE + top + "".join(_sections(schema, schema, ""))


def _sections(part: Mapping[str, Any], schema: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield a section for each key whose value has keys; keys with the same schema share a section.

    Args:
        part: the schema of an object.
        schema: the whole schema.
        prefix: the object's key and a dot; "" for the whole schema.
    """
    groups: dict[str, list[str]] = {}
    for name, one in part["properties"].items():
        if _has_keys(one):
            groups.setdefault(one.get("$ref", name), []).append(name)
    for names in groups.values():
        schemas = [part["properties"][name] for name in names]
        form = _resolved(schemas[0], schema)
        title = " and ".join(f"{prefix}{name}" for name in names)
        needed = " Required." if set(names) <= set(part.get("required", ())) else ""
        described = " ".join(one["description"] for one in schemas)
        yield f"\n{'###' if prefix else '##'} {title}\n\n{described}{needed}\n\n{_rows(form)}"
        yield from _sections(form, schema, f"{prefix}{names[0]}.") if "properties" in form else ()


def _has_keys(one: Mapping[str, Any]) -> bool:
    """Return whether a setting is an object with known keys."""
    return "$ref" in one or "properties" in one or "propertyNames" in one


def _resolved(one: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, with a `$ref` replaced by its target."""
    found: Mapping[str, Any] = one
    if "$ref" in one:
        found = schema["$defs"][one["$ref"].rpartition("/")[2]]
    return found


def _rows(form: Mapping[str, Any]) -> str:
    if "propertyNames" not in form:
        return _table(form)
    names = ", ".join(f"`{name}`" for name in form["propertyNames"]["enum"])
    return f"Keys: {names}. Each is a {_value(form['additionalProperties'])}.\n"


def _table(form: Mapping[str, Any]) -> str:
    """Return a table of the keys whose values have no keys; "" if there are none."""
    rows = [
        f"| `{name}` | {_value(one)} | {_default(name, one, form)} | {_cell(one['description'])} |\n"
        for name, one in form["properties"].items()
        if not _has_keys(one)
    ]
    return HEAD + "".join(rows) if rows else ""


def _default(name: str, one: Mapping[str, Any], form: Mapping[str, Any]) -> str:
    if name in form.get("required", ()):
        return "required"
    default = one.get("default", "")
    return "" if default == "" else f"`{json.dumps(default).strip(chr(34))}`"


def _value(one: Mapping[str, Any]) -> str:
    """Return the allowed values of a setting, as text."""
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    if one["type"] == "array":
        return f"list of {_value(one['items'])}s"
    if one["type"] == "object":
        return f"mapping to {_value(one['additionalProperties'])}"
    ranges = [f"{words} {one[name]:g}" for name, words in RANGES.items() if name in one]
    return " ".join([TYPES[one["type"]], ", ".join(ranges)]).strip()


def _cell(text: str) -> str:
    """Return text escaped for a cell of a Markdown table."""
    return text.replace("|", "\\|")
