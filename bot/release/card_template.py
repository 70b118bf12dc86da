"""Templates of cards: Markdown, in which text from outside goes through the filters `code` and `prose`."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.text.escape_markdown import as_code, as_prose


def card_templates() -> Environment:
    """Return the templates of cards in this folder."""
    environment = Environment(  # noqa: S701  # Markdown; see above
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": as_code, "prose": as_prose}
    return environment
