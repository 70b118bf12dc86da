"""Cut what the bot's GraphQL query uses out of GitHub's own public schema.

    python -m tests.contract.slice_graphql

fetches the npm package (MIT) into a temporary folder with `npm pack` and writes
localworld/github/github.graphql with only the fields that the query names; their arguments, and the types of
these, are whole. Descriptions are dropped. The written file is committed; this script is needed again only
when the query or the package changes.
"""

import subprocess
import tarfile
import tempfile
from pathlib import Path

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    get_named_type,
    parse,
    visit,
)

from bot.github.open_pulls import QUERY

PACKAGE = ("@octokit/graphql-schema", "15.26.1")
WRITTEN = Path(__file__).parent.parent.parent / "localworld/github/github.graphql"
HEAD = f"# Generated from {PACKAGE[0]} {PACKAGE[1]} (MIT) by tests/contract/slice_graphql.py; do not edit."
BUILT_IN = {"String", "Int", "Boolean", "Float", "ID"}


class Used(Visitor):
    """Collects the fields that a query names, by type."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.fields: dict[str, set[str]] = {}

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent = self.info.get_parent_type()
        if parent is not None:
            self.fields.setdefault(parent.name, set()).add(node.name.value)


def cut(text: str, query: str) -> str:
    """The part of a schema that a query uses, as SDL."""
    schema = build_schema(text, assume_valid=True)
    info = TypeInfo(schema)
    used = Used(info)
    visit(parse(query), TypeInfoVisitor(info, used))
    kept = sorted(used.fields.keys() | _named(schema, used.fields))
    return "\n\n".join([HEAD, *(_definition(schema.type_map[name], used.fields) for name in kept)]) + "\n"


def _named(schema: GraphQLSchema, fields: dict[str, set[str]]) -> set[str]:
    """The scalars, enums and inputs that the fields and their arguments need."""
    found: set[str] = set()
    waiting: list[object] = []
    for name, names in fields.items():
        for one in names:
            field = schema.type_map[name].fields[one]  # type: ignore[attr-defined]
            waiting += [field.type, *(argument.type for argument in field.args.values())]
    while waiting:
        kind = get_named_type(waiting.pop())  # type: ignore[call-overload]
        if kind.name in found | BUILT_IN | fields.keys():
            continue
        found.add(kind.name)
        if isinstance(kind, GraphQLInputObjectType):
            waiting += [field.type for field in kind.fields.values()]
    return found


def _definition(kind: GraphQLNamedType, fields: dict[str, set[str]]) -> str:
    """The definition of a type, of an object only the fields that are used."""
    if isinstance(kind, GraphQLEnumType):
        lines = list(kind.values)
    elif isinstance(kind, GraphQLInputObjectType):
        lines = [f"{name}: {field.type}" for name, field in kind.fields.items()]
    elif isinstance(kind, GraphQLObjectType):
        lines = []
        for name, field in kind.fields.items():
            given = ", ".join(f"{argument}: {stated.type}" for argument, stated in field.args.items())
            if name in fields[kind.name]:
                lines.append(f"{name}({given}): {field.type}" if given else f"{name}: {field.type}")
    else:
        return f"scalar {kind.name}"
    word = {GraphQLEnumType: "enum", GraphQLInputObjectType: "input"}.get(type(kind), "type")
    return "\n".join([f"{word} {kind.name} {{", *(f"  {line}" for line in lines), "}"])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", "@".join(PACKAGE)], cwd=folder, check=True)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as opened:
            text = opened.extractfile("package/schema.graphql")
            assert text is not None
            WRITTEN.write_text(cut(text.read().decode(), QUERY))


if __name__ == "__main__":
    main()
