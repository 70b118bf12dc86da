"""Documents cut into passages: by their structure, and by the tokens that the teacher reads at once."""

import re
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Any

from bot.generate.text import SENTENCE_END
from bot.models import tokenizer_at_hand

CHARACTERS_A_TOKEN = 4
"""Where the teacher's tokenizer is not at hand."""
OVERLAP = 30
"""Words of the passage before that one begins with, where its own first sentence would be cut."""
PART = 100_000
"""Characters of a document that are split at once."""
NEAR = 2_000
"""Characters before a passage in which these are."""
HEADING = re.compile(r"(?m)^#{1,6}[ \t]+(.+)$")


def chunks(markdown: str, tokens: int, model: str) -> list[str]:
    """Passages of a document, each with the heading that it stands under.

    Cut between sections where that is possible, else between paragraphs, sentences or words.

    Args:
        tokens: of a passage, at most; its heading is not counted.
        model: the teacher; see `bot.models.model_folder`.
    """
    found: list[str] = []
    headings = deque((match.start(), match[1].strip()) for match in HEADING.finditer(markdown))
    end, heading = 0, ""
    for start, text in _pieces(markdown, tokens, model):
        while headings and headings[0][0] < start:
            heading = f"# {headings.popleft()[1]}"
        # What was cut within a sentence is given twice, so that each half is understood.
        cut = found and "\n" not in markdown[end:start] and not _ends(markdown[max(0, end - NEAR) : end])
        before = " ".join(_last_words(markdown[max(0, end - NEAR) : end])) if cut else ""
        above = heading if not HEADING.match(text) else ""
        found.append("\n\n".join(part for part in (above, f"{before} {text}".strip()) if part))
        end = start + len(text)
    return [text for text in found if re.search(r"\w", HEADING.sub("", text))]


def _pieces(markdown: str, tokens: int, model: str) -> Iterator[tuple[int, str]]:
    """Where each passage begins, and the passage.

    A long document is split part by part, since the splitter takes quadratic time for some texts.
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
    """The last whole words of a line: without the first, where the line may begin before it."""
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
