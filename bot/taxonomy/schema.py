"""Validation of qna.yaml and exam.yaml against their schemas, with readable messages and places."""

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from bot.core.package_files import shipped
from bot.taxonomy.exam_file import RULE, marking_problems
from bot.taxonomy.leaf import Kind
from bot.taxonomy.parsed import Other, Parsed, Place, Problem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

SCHEMAS = shipped("schemas")
NEWEST = 3
MAX_PROBLEMS = 100
"""Maximum number of problems reported per file; the rest appear once these are fixed."""
MANY_BLANK = 6
"""Number of empty values in one file from which on they are reported together."""
_NONE_FOUND = "found 0, need at least 1"
_UPGRADE = (
    f"write version: {NEWEST}, and use its keys: document_outline, document, in each seed example context "
    "and questions_and_answers"
)

_ELSEWHERE = ("anyOf", "dependentRequired")
"""Keywords of exam.json for editors; `marking_problems` reports what breaks them, in better words."""
_TYPES = {"object": "a mapping", "array": "a list", "string": "text", "number": "a number"}
_ITEMS = {
    "seed_examples": "seed examples",
    "questions_and_answers": "question-answer pairs",
    "patterns": "patterns",
    "questions": "questions",
    "must_contain": "required words",
    "choices": "choices",
}


def kind_of(path: str, data: Any) -> Kind:
    """Return a leaf's kind by its top folder; in an unknown folder, a leaf with `document` is knowledge."""
    top = path.split("/", 1)[0]
    if top == "knowledge":
        return "knowledge"
    if top in ("foundational_skills", "compositional_skills"):
        return "foundational" if top == "foundational_skills" else "compositional"
    return "knowledge" if isinstance(data, dict) and "document" in data else "compositional"


def version_of(data: Any) -> int:
    """Return a qna.yaml's version: 1 if it has none, NEWEST if the version is not an integer."""
    version = data.get("version", 1) if isinstance(data, dict) else 1
    return version if type(version) is int else NEWEST


def check_qna(parsed: Parsed, kind: Kind) -> list[Problem]:
    """Return the problems of a parsed qna.yaml."""
    if not isinstance(parsed.data, dict):
        return [_not_a_mapping(parsed)]
    wrong = _version_problem(parsed, kind)
    if wrong and wrong.fix is None:
        return [wrong]  # the file has another version's keys, so each of them would be one more finding
    version = NEWEST if wrong or kind == "knowledge" else version_of(parsed.data)
    part = "knowledge" if kind == "knowledge" else "skill"
    found = list(schema_problems(parsed, f"qna-v{version}", part))
    if wrong:
        found = [wrong, *(p for p in found if p.rule != "wrong-version")]
    return _with_one_blank(found)


def check_exam(parsed: Parsed) -> list[Problem]:
    """Return the problems of a parsed exam.yaml."""
    if not isinstance(parsed.data, dict):
        return [_not_a_mapping(parsed)]
    return _with_one_blank([*schema_problems(parsed, "exam"), *marking_problems(parsed)])


def _with_one_blank(problems: list[Problem]) -> list[Problem]:
    """Replace many empty values, as in a template that is not filled in, by one problem with their lines."""
    blank = [p for p in problems if p.rule == "empty-text" or p.message.endswith(_NONE_FOUND)]
    if len(blank) < MANY_BLANK:
        return problems
    lines = ", ".join(str(line) for line in sorted({p.place.line for p in blank}))
    message = f"{len(blank)} values of this file are empty"
    first = min(blank, key=lambda p: (p.place.line, p.place.column))
    one = Problem("empty-text", first.place, message, f"write the values on lines {lines}")
    return [one, *(p for p in problems if p not in blank)]


def _not_a_mapping(parsed: Parsed) -> Problem:
    place = parsed.place(())
    first = Place(place.line, place.column, place.line, place.column + 1)
    message = "the file must contain `key: value` lines, such as `version: 3`"
    return Problem("wrong-type", first, message, "see another leaf's file for the keys")


def _version_problem(parsed: Parsed, kind: Kind) -> Problem | None:
    data = parsed.data
    if "version" not in data:
        return _no_version(parsed) if kind == "knowledge" else None
    version, place = data["version"], parsed.place(("version",))
    if type(version) is int and 1 <= version <= NEWEST:
        if kind == "knowledge" and version < NEWEST:
            message = f"version {version} is no longer supported for knowledge"
            new = _is_valid({**data, "version": NEWEST}, f"qna-v{NEWEST}", "knowledge")
            return Problem("wrong-version", place, message, _UPGRADE, str(NEWEST) if new else None)
        return None
    raw = parsed.node(("version",)).raw
    message = f"there is no version {raw!r}" if raw else "the version is not a version number"
    # A version in quotes or with ".0" has an obvious meaning.
    meant = re.fullmatch(rf"([1-{NEWEST}])(\.0)?", raw)
    hint = f"write version: {NEWEST}, without quotes or a decimal point"
    return Problem("wrong-version", place, message, hint, meant[1] if meant else None)


def _no_version(parsed: Parsed) -> Problem | None:
    """Return the problem of a knowledge leaf without a version whose examples are as before version 3."""
    seeds = parsed.data.get("seed_examples")
    keys = [set(seed) for seed in seeds if isinstance(seed, dict)] if isinstance(seeds, list) else []
    if not keys or not all("question" in its and "questions_and_answers" not in its for its in keys):
        return None
    message = "this leaf has no version, and its examples are those of version 1 or 2"
    return Problem("wrong-version", _first(parsed.place(())), message, _UPGRADE)


@cache
def _validator(name: str, part: str) -> "Validator":
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend

    def required(validator: Any, names: list[str], instance: Any, schema: Any) -> Iterator[ValidationError]:
        if isinstance(instance, dict):
            yield from (ValidationError(name) for name in names if name not in instance)

    def no_more(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if isinstance(instance, dict) and allowed is False:
            yield from (
                ValidationError(key, path=(key,)) for key in instance if key not in schema["properties"]
            )

    def unique(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if not isinstance(instance, list):
            return
        seen: dict[str, int] = {}
        for index, item in enumerate(instance):
            if _blank(item):  # reported for each of its keys
                continue
            text = json.dumps(item, sort_keys=True, default=repr)
            if seen.setdefault(text, index) != index:
                yield ValidationError(str(seen[text]), path=(index,))

    # jsonschema's own validators report one error for the whole object, or take quadratic time.
    keywords = {"required": required, "additionalProperties": no_more, "uniqueItems": unique}
    made: Validator = extend(Draft202012Validator, keywords)(schema_of(name, part))  # type: ignore[no-untyped-call]
    return made


def _blank(value: Any) -> bool:
    """Return whether a value is empty, or contains only empty values, as in a new template."""
    if isinstance(value, dict):
        return all(map(_blank, value.values()))
    return all(map(_blank, value)) if isinstance(value, list) else value in (None, "")


def schema_of(name: str, part: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    return {"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]} if part else schema


@cache
def compiled(name: str, part: str) -> Any:
    """Return a compiled validator, used only for a fast yes or no: most files are valid."""
    import jsonschema_rs

    return jsonschema_rs.validator_for(schema_of(name, part))


def _is_valid(data: Any, name: str, part: str) -> bool:
    try:
        return bool(compiled(name, part).is_valid(data))
    except ValueError:  # a value that JSON cannot represent, such as a date
        return False


def schema_problems(parsed: Parsed, name: str, part: str = "") -> Iterator[Problem]:
    if not _is_valid(parsed.data, name, part):
        errors = _validator(name, part).iter_errors(parsed.data)
        ours = (error for error in errors if error.validator not in _ELSEWHERE)
        yield from (_problem(parsed, error) for error in islice(ours, MAX_PROBLEMS))


def _problem(parsed: Parsed, error: "ValidationError") -> Problem:
    path = tuple(error.absolute_path)
    key = next((step for step in reversed(path) if isinstance(step, str)), "the file")
    match error.validator:
        case "required":
            place = _first(parsed.place(path))
            return Problem("missing-key", place, f"the key {error.message!r} is missing here", "add it")
        case "additionalProperties":
            return _unknown_key(parsed, path, error)
        case "uniqueItems":
            first = parsed.place((*path[:-1], int(error.message))).line
            message = f"this item is the same as the one on line {first}"
            hint = "replace it with another one, or remove it"
            return Problem("repeated-item", _first(parsed.place(path)), message, hint)
        case "minItems":
            return _too_few(parsed, path, str(key), error)
        case "pattern":
            return Problem("empty-text", parsed.place(path), f"{key!r} is empty", "write the text")
        case "const":
            hint = f"write {key}: {error.validator_value}"
            return Problem("wrong-version", parsed.place(path), f"{key!r} has an unsupported value", hint)
        case "minimum" | "maximum":
            least = "at least" if error.validator == "minimum" else "at most"
            message = f"{key!r} must be {least} {error.validator_value}"
            return Problem(RULE, parsed.place(path), message, "write another number")
        case _:
            return _wrong_type(parsed, path, str(key), error)


def _first(place: Place) -> Place:
    """Return the first character of a place, to avoid underlining many lines."""
    return Place(place.line, place.column, place.line, place.column + 1)


def _unknown_key(parsed: Parsed, path: tuple[str | int, ...], error: "ValidationError") -> Problem:
    known = list(error.schema["properties"]) if isinstance(error.schema, dict) else []
    near = get_close_matches(error.message[:100], known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"remove it; known keys: {', '.join(known)}"
    message = f"unknown key {_cut(error.message)!r}"
    # The fix is certain only if the known key is not also present.
    certain = near and isinstance(error.instance, dict) and near[0] not in error.instance
    return Problem("unknown-key", parsed.key_place(path), message, hint, near[0] if certain else None)


def _too_few(parsed: Parsed, path: tuple[str | int, ...], key: str, error: "ValidationError") -> Problem:
    have, wanted = len(parsed.node(path).children), int(str(error.validator_value))
    message = f"too few {_ITEMS.get(key, 'items')}: found {have}, need at least {wanted}"
    return Problem("too-few", parsed.key_place(path), message, f"add {wanted - have} more")


def _wrong_type(parsed: Parsed, path: tuple[str | int, ...], key: str, error: "ValidationError") -> Problem:
    node, wanted = parsed.node(path), str(error.validator_value)
    place, raw = node.place, _cut(node.raw)
    is_item = bool(path) and isinstance(path[-1], int)
    if node.value is None:
        hint = "write a value, or remove it"
        return Problem("empty-text", parsed.key_place(path), f"{key!r} is empty", hint)
    if wanted == "string" and not isinstance(node.value, dict | list):
        hint = f'"{raw}"' if is_item else f'{key}: "{raw}"'
        return Problem(
            "not-text",
            place,
            f"{raw} is {_named(node.value)} here, but text is needed",
            f"put it in quotes: {hint}",
            json.dumps(node.raw, ensure_ascii=False) if node.plain else None,
        )
    message = f"{'an item of ' if is_item else ''}{key!r} must be {_TYPES.get(wanted, wanted)}"
    if wanted == "number" and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", node.raw):
        return Problem("wrong-type", place, message, f"write it without quotes: {node.raw}", node.raw)
    hint = {
        "number": "write it in digits, with a point before decimals and without thousands separators",
        "string": "put text with a colon, a dash or brackets in double quotes",
        "array": "write each item on its own line, after a dash",
        "object": "write `key: value` lines, with the same indentation",
    }.get(wanted, "see another leaf's file for an example")
    return Problem("wrong-type", _first(place), message, hint)


def _named(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, Other):
        return f"a {value.kind}"
    return "a number"


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}…"
