"""The command line: parse arguments, call the bot, print results. Heavy imports are inside the commands."""

from bot.cli import (
    diff,
    draft,
    exam,
    explain,
    models,
    pulls,
    reference,
    retrain,
    runner,
    samples,
    set_up,
    status,
    taxonomy,
    teacher,
    verify,
)
from bot.cli.root import app
from bot.core.errors import run_program

__all__ = [
    "diff",
    "draft",
    "exam",
    "explain",
    "main",
    "models",
    "pulls",
    "reference",
    "retrain",
    "runner",
    "samples",
    "set_up",
    "status",
    "taxonomy",
    "teacher",
    "verify",
]


def main() -> None:
    """Run a command; print a UserError as one line, and exit with its code."""
    run_program(app)


@app.command()
def version() -> None:
    """Print the version, and the commit from which it was built."""
    from bot.core.version import commit
    from bot.core.version import version as current

    print(f"arborist {current()}, commit {commit() or 'unknown'}")
