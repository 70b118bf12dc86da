"""The parts of the comment as Markdown, from templates; whatever comes from outside goes through `escape`."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.markdown import escape


@cache
def _environment() -> Environment:
    # The result is Markdown, which Jinja's HTML autoescape would only garble: every template escapes
    # outside text by the filter `text`, and tests look for what is not.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["text"] = escape
    environment.filters["percent"] = lambda share: f"{round(100 * share)}%"
    environment.filters["minutes"] = _minutes
    return environment


def render(template: str, **values: Any) -> str:
    """A part of the comment, for instance `render("sample", leaves=…)`."""
    return _environment().get_template(f"{template}.md.j2").render(**values).strip()


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
