"""Documents cut into passages: by their structure, and by the tokens that the teacher reads at once."""

import re
from functools import cache
from typing import Any

from bot.generate.text import SENTENCE_END
from bot.models import tokenizer_at_hand

CHARACTERS_A_TOKEN = 4
"""Where the teacher's tokenizer is not at hand."""
OVERLAP = 30
"""Words of the passage before that one begins with, where its own first sentence would be cut."""
HEADING = re.compile(r"(?m)^#{1,6}[ \t]+(.+)$")


def chunks(markdown: str, tokens: int, model: str) -> list[str]:
    """Passages of a document, each with the heading that it stands under.

    Cut between sections where that is possible, else between paragraphs, sentences or words.

    Args:
        tokens: of a passage, at most; its heading is not counted.
        model: the teacher; see `bot.models.model_folder`.
    """
    found: list[str] = []
    end = 0
    for start, text in _splitter(tokens, model).chunk_indices(markdown):
        # What was cut within a sentence is given twice, so that each half is understood.
        cut = found and "\n" not in markdown[end:start] and not _ends(markdown[:end])
        before = " ".join(markdown[:end].rpartition("\n")[2].split()[-OVERLAP:]) if cut else ""
        heading = _heading(markdown[:start]) if not HEADING.match(text) else ""
        found.append("\n\n".join(part for part in (heading, f"{before} {text}".strip()) if part))
        end = start + len(text)
    return [text for text in found if re.search(r"\w", HEADING.sub("", text))]


def _ends(text: str) -> bool:
    return bool(SENTENCE_END.search(text.rstrip()[-2:] + " A"))


def _heading(before: str) -> str:
    headings = HEADING.findall(before)
    return f"# {headings[-1].strip()}" if headings else ""


@cache
def _splitter(tokens: int, model: str) -> Any:
    from semantic_text_splitter import MarkdownSplitter

    file = tokenizer_at_hand(model)
    if file is None:
        return MarkdownSplitter(tokens * CHARACTERS_A_TOKEN)
    return MarkdownSplitter.from_huggingface_tokenizer_file(str(file), tokens)
