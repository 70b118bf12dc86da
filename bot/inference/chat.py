"""Chat with a model in the terminal."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.core.progress import say
from bot.inference.models import load_model, load_tokenizer
from bot.text.chat_template import prompt_text
from bot.text.tokens import token_ids

LONGEST = 256
"""Maximum number of tokens of an answer."""


def talk(folder: Path, name: str) -> None:
    """Answer each line of standard input, with the conversation so far as context.

    An empty line starts a new conversation.

    Args:
        folder: the model folder.
        name: name of the model, for display.
    """
    model, tokenizer = load_model(folder, "bf16"), load_tokenizer(folder)
    say(f"{name}: type a message and press Enter; an empty line starts a new conversation, Ctrl-D quits")
    turns: list[tuple[str, str]] = []
    for line in _lines():
        if not line:
            turns = []
            continue
        turns.append(("user", line))
        turns.append(("assistant", _answer(model, tokenizer, turns)))


def _lines() -> Iterator[str]:
    """Yield lines of standard input; the prompt is printed only on a terminal, not for a pipe.

    Bytes that are not text become replacement characters.
    """
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    while True:
        try:
            yield input("> " if sys.stdin.isatty() else "").strip()
        except (EOFError, KeyboardInterrupt):
            return


def _answer(model: Any, tokenizer: Any, turns: list[tuple[str, str]]) -> str:
    """Generate an answer with greedy decoding, and print it token by token."""
    import torch
    from transformers import TextStreamer

    text = prompt_text(turns, tokenizer)
    given = torch.tensor([token_ids(text, tokenizer)], device=model.device)
    shown = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    output = model.generate(given, max_new_tokens=LONGEST, do_sample=False, streamer=shown)
    answer: str = tokenizer.decode(output[0, given.shape[1] :], skip_special_tokens=True)
    return answer.strip()
