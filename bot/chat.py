"""Talk to a model in the terminal."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.models import load_model, load_tokenizer
from bot.progress import say

LONGEST = 256
"""Tokens of an answer."""


def talk(folder: Path, name: str) -> None:
    """Answer line after line of standard input, each with what was said before; an empty line begins anew.

    Args:
        folder: of the model.
        name: the model's, for people.
    """
    model, tokenizer = load_model(folder, "bf16"), load_tokenizer(folder)
    say(f"{name}: each line is what you say; an empty line begins anew, Ctrl-D ends")
    turns: list[dict[str, str]] = []
    for line in _lines():
        if not line:
            turns = []
            continue
        turns.append({"role": "user", "content": line})
        turns.append({"role": "assistant", "content": _answer(model, tokenizer, turns)})


def _lines() -> Iterator[str]:
    """What is typed, or comes through a pipe; a prompt only for those who type."""
    while True:
        try:
            yield input("> " if sys.stdin.isatty() else "").strip()
        except (EOFError, KeyboardInterrupt):
            return


def _answer(model: Any, tokenizer: Any, turns: list[dict[str, str]]) -> str:
    """The likeliest answer; it is printed as it comes."""
    from transformers import TextStreamer

    options = {"add_generation_prompt": True, "return_dict": True, "return_tensors": "pt"}
    given = tokenizer.apply_chat_template(turns, **options).to(model.device)
    shown = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    output = model.generate(**given, max_new_tokens=LONGEST, do_sample=False, streamer=shown)
    answer: str = tokenizer.decode(output[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
    return answer.strip()
