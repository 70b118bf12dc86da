"""The parts of the comment as Markdown, rendered from templates; text from outside is escaped."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.core.durations import readable
from bot.release.exam_words import near_misses, questions, remarks
from bot.text.escape_markdown import escape


@cache
def _environment() -> Environment:
    # Jinja's autoescape is for HTML and would garble Markdown. Instead, every template escapes text from
    # outside with the filter `text`, and tests search for text that is not escaped.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["text"] = escape
    environment.filters["percent"] = lambda share: f"{round(100 * share)}%"
    environment.filters["duration"] = readable
    environment.globals |= {"questions": questions, "remarks": remarks, "near_misses": near_misses}
    return environment


def render(template: str, **values: Any) -> str:
    """Render a part of the comment, for instance `render("sample", leaves=…)`."""
    return _environment().get_template(f"{template}.md.j2").render(**values).strip()
