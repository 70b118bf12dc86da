"""Readable messages for the errors of the YAML parser."""

from collections.abc import Callable
from typing import Any

import yaml

from bot.taxonomy.parsed import Place, Problem

_CLOSING = ('"', "'", "]", "}")


def syntax_problem(error: yaml.YAMLError, text: str, place_of: Callable[[Any, Any], Place]) -> Problem:
    """Convert a libyaml error to a problem with a readable message, at the place to fix.

    Args:
        text: the file's text.
        place_of: returns the place between two of libyaml's marks.
    """
    what = str(getattr(error, "problem", "") or "cannot be read")
    context = str(getattr(error, "context", "") or "")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    start = getattr(error, "context_mark", None)
    place = place_of(mark, mark) if mark else Place(1, 1, 1, 2)
    hint = "check the quotes, colons and indentation here and in the line above"
    if "mapping values are not allowed" in what:
        what, hint = "text without quotes contains a colon", "put the whole text in double quotes"
    elif "cannot start any token" in what:
        char = text[mark.index : mark.index + 1] if mark else ""
        if char == "\t":
            what, hint = "a tab is not allowed here", "indent with spaces"
        else:
            what, hint = f"text without quotes must not begin with {char!r}", "put it in double quotes"
    elif "quoted scalar" in context and "unexpected end" in what and start is not None:
        what, hint = "the quote that starts here is never closed", "close it at the end of the text"
        place = place_of(start, start)
    elif "block scalar" in context and "comment or line break" in what:
        what, hint = "text stands on the line of the | or >", "begin the text on the next line, indented"
    elif "scanning an alias" in context or "scanning an anchor" in context:
        what, hint = "text without quotes must not begin with * or &", "put it in double quotes"
    elif "block sequence entries" in what:
        what, hint = "text without quotes must not begin with a dash", "put it in double quotes"
    elif mark and text[: mark.index].rstrip(" ")[-1:] in _CLOSING and "expected key" in what:
        what = "text follows the closing quote or bracket"
        hint = "put the whole text in quotes, and other quotes within it: 'He said \"yes\" twice'"
    elif "did not find expected" in what and start is not None:
        what = f"{what.replace('did not find expected', 'expected')} ({context})"
        hint = "check that the indentation matches the lines above, and that all quotes are closed"
    elif context:
        what = f"{what} ({context})"
    return Problem("yaml-syntax", place, what, hint)
