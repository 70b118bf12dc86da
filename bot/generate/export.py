"""Export samples as JSONL or Parquet, or print them on the terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.core.errors import UserError
from bot.core.store import canonical
from bot.generate.filters import takes
from bot.generate.leaf_samples import Generated

SHOWN = 400
"""Maximum number of printed characters of a text."""


def json_lines(generated: Sequence[Generated], number: int | None = None) -> str:
    """Convert samples to JSONL, with `messages` in the format of chat templates and trainers.

    Args:
        number: maximum number of samples of each leaf; None for all.
    """
    lines = [canonical(sample.to_json()) for made in generated for sample in made.samples[:number]]
    return "".join(f"{line}\n" for line in lines)


def write_samples(path: Path, generated: Sequence[Generated]) -> None:
    """Write samples to a JSONL or Parquet file, depending on its extension.

    Raises:
        UserError: the extension is unknown, or the file cannot be written.
    """
    if path.suffix not in (".jsonl", ".parquet"):
        raise UserError(f"{path}: unknown format; use a file name that ends with .jsonl or .parquet")
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
    """Print a leaf's first samples, and a table of the candidates that were dropped.

    Args:
        number: maximum number of printed samples.
    """
    console = Console(highlight=False)
    for place, sample in enumerate(made.samples[:number], 1):
        console.print(f"[bold]{place}. {escape(sample.messages[-2][1][:SHOWN])}[/bold]")
        console.print(f"   {escape(sample.messages[-1][1][:SHOWN])}")
        console.print(f"   [dim]{sample.kind}, from {escape(sample.source)}[/dim]\n")
    funnel = made.funnel
    table = Table("dropped", "because the candidate", "for example", box=None)
    for name, count in sorted(funnel.dropped.items(), key=lambda item: -item[1]):
        table.add_row(str(count), f"{takes(name)} ({name})", escape(funnel.examples[name][0][:SHOWN]))
    console.print(f"{funnel.accepted} of {funnel.candidates} candidates passed the filters")
    if funnel.dropped:
        console.print(table)
    if funnel.given:
        given = ", ".join(f"{count} {kind}" for kind, count in funnel.given.items())
        console.print(f"made without a teacher: {given}")
    for note in funnel.notes:
        console.print(escape(note))
    if funnel.refused:
        reasons = escape("; ".join(funnel.refusals))
        console.print(f"{funnel.refused} more were rejected by the safety check: {reasons}")
