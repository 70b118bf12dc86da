"""The command line: parse, call, print. Whatever is heavy is imported by the command that needs it."""

from bot.cli import local, models, pulls, releases, samples, taxonomy
from bot.cli.root import app
from bot.errors import plainly

__all__ = ["local", "main", "models", "pulls", "releases", "samples", "taxonomy"]


def main() -> None:
    """Run a command; an error that a person can mend is one line and an exit code."""
    plainly(app)


@app.command()
def version() -> None:
    """Print the version, and the commit that it was built from."""
    from bot.version import commit
    from bot.version import version as current

    print(f"arborist {current()}, commit {commit() or 'unknown'}")
