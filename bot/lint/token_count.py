"""Token counts by the student model's tokenizer, if it is available locally."""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.inference.models import tokenizer_at_hand


def count_tokens(model: str, texts: Sequence[str]) -> int | None:
    """Return the total number of tokens in the texts.

    Returns None if the model's tokenizer or the `tokenizers` package is not installed on this machine.
    """
    file = tokenizer_at_hand(model)
    if file is None or find_spec("tokenizers") is None:
        return None
    tokenizer = _load(file)
    whole = (text.encode(errors="replace").decode() for text in texts)
    return sum(len(tokenizer.encode(text, add_special_tokens=False)) for text in whole)


@cache
def _load(file: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(file))
