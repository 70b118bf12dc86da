"""The result of converting a document."""

from dataclasses import dataclass

from bot.text.document_doubts import Doubt


class Unconvertible(Exception):
    """A document cannot be converted.

    Args:
        message: what is wrong; it continues a sentence after the document's name.
        hint: how to fix it, if there is a better way than to convert it to Markdown.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Converted:
    """A document as Markdown, and what in it is uncertain."""

    text: str
    doubts: tuple[Doubt, ...] = ()
