"""Samples for others: JSONL as trainers take it, Parquet, and a page for people."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.errors import UserError
from bot.generate.filters import takes
from bot.generate.generated import Generated
from bot.store import canonical

SHOWN = 400
"""Characters of a text on a page."""


def json_lines(generated: Sequence[Generated], number: int | None = None) -> str:
    """The samples, one a line, with `messages` as chat templates and trainers take them.

    Args:
        number: of each leaf, at most.
    """
    lines = [canonical(sample.to_json()) for made in generated for sample in made.samples[:number]]
    return "".join(f"{line}\n" for line in lines)


def write_samples(path: Path, generated: Sequence[Generated]) -> None:
    """Write the samples to a file, in the format that its name says.

    Raises:
        UserError: the name says none, or the file cannot be written.
    """
    if path.suffix not in (".jsonl", ".parquet"):
        raise UserError(f"{path}: a name that ends with .jsonl or .parquet says in which format")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".jsonl":
            path.write_text(json_lines(generated))
        else:
            import pyarrow
            import pyarrow.parquet

            rows = [sample.to_json() for made in generated for sample in made.samples]
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None


def read_aloud(made: Generated, number: int) -> None:
    """Print a leaf's samples and its funnel for people."""
    console = Console(highlight=False)
    for place, sample in enumerate(made.samples[:number], 1):
        console.print(f"[bold]{place}. {escape(sample.messages[-2][1][:SHOWN])}[/bold]")
        console.print(f"   {escape(sample.messages[-1][1][:SHOWN])}")
        console.print(f"   [dim]{sample.kind}, from {escape(sample.source)}[/dim]\n")
    funnel = made.funnel
    table = Table("", "taken, since such a one", "for example", box=None)
    for name, count in sorted(funnel.dropped.items(), key=lambda item: -item[1]):
        table.add_row(str(count), f"{takes(name)} ({name})", escape(funnel.examples[name][0][:SHOWN]))
    console.print(f"{funnel.accepted} of {funnel.candidates} candidates passed; the filters took the others")
    if funnel.dropped:
        console.print(table)
    if funnel.given:
        given = ", ".join(f"{count} {kind}" for kind, count in funnel.given.items())
        console.print(f"without a teacher: {given}")
    if funnel.refused:
        console.print(f"{funnel.refused} more were refused: {escape('; '.join(funnel.refusals))}")
