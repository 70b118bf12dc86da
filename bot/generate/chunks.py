"""Split documents into passages by structure and by a maximum number of tokens."""

import re
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Any

from bot.inference.models import tokenizer_at_hand
from bot.text.analysis import SENTENCE_END

CHARACTERS_A_TOKEN = 4
"""For an estimate if the teacher's tokenizer is not on this machine."""
OVERLAP = 30
"""Number of words repeated from the previous passage, if a passage begins within a sentence."""
PART = 100_000
"""Number of characters of a document that are passed to the splitter at once."""
NEAR = 2_000
"""Number of characters before a passage in which the repeated words are searched."""
HEADING = re.compile(r"(?m)^#{1,6}[ \t]+(.+)$")


def chunks(markdown: str, tokens: int, model: str) -> list[str]:
    """Split a document into passages, each preceded by the heading of its section.

    The document is split between sections if possible, else between paragraphs, sentences or words.

    Args:
        tokens: maximum number of tokens of a passage, without its heading.
        model: the teacher, whose tokenizer is used; see `bot.inference.models.model_folder`.
    """
    found: list[str] = []
    headings = deque((match.start(), match[1].strip()) for match in HEADING.finditer(markdown))
    end, heading = 0, ""
    for start, text in _pieces(markdown, tokens, model):
        while headings and headings[0][0] < start:
            heading = f"# {headings.popleft()[1]}"
        # If a sentence was split, repeat its beginning, so that both parts can be understood.
        cut = found and "\n" not in markdown[end:start] and not _ends(markdown[max(0, end - NEAR) : end])
        before = " ".join(_last_words(markdown[max(0, end - NEAR) : end])) if cut else ""
        above = heading if not HEADING.match(text) else ""
        found.append("\n\n".join(part for part in (above, f"{before} {text}".strip()) if part))
        end = start + len(text)
    return [text for text in found if re.search(r"\w", HEADING.sub("", text))]


def _pieces(markdown: str, tokens: int, model: str) -> Iterator[tuple[int, str]]:
    """Yield each passage with its start in the document.

    Long documents are passed to the splitter in parts, since it takes quadratic time for some texts.
    """
    splitter, start = _splitter(tokens, model), 0
    while start < len(markdown):
        part = markdown[start : start + PART]
        if start + PART < len(markdown):
            cuts = (part.rfind(mark) + len(mark) for mark in ("\n\n", "\n", " ") if mark in part)
            part = part[: next((cut for cut in cuts if cut > PART // 2), PART)]
        for place, text in splitter.chunk_indices(part):
            yield start + place, text
        start += len(part)


def _ends(text: str) -> bool:
    return bool(SENTENCE_END.search(text.rstrip()[-2:] + " A"))


def _last_words(before: str) -> list[str]:
    """Return the last OVERLAP words of the last line; the first word is omitted if it may be cut off."""
    line = before.rpartition("\n")[2]
    words = line.split()
    begun = len(line) == NEAR and not line[0].isspace()
    return words[1 if begun else 0 :][-OVERLAP:]


@cache
def _splitter(tokens: int, model: str) -> Any:
    from semantic_text_splitter import MarkdownSplitter

    file = tokenizer_at_hand(model)
    if file is None:
        return MarkdownSplitter(tokens * CHARACTERS_A_TOKEN)
    return MarkdownSplitter.from_huggingface_tokenizer_file(str(file), tokens)
