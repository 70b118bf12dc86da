"""Chat with a model in the terminal."""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bot.core.progress import say
from bot.inference.engine_llamacpp import ENDING, LlamaCpp
from bot.inference.models import load_model, load_tokenizer

Turns = list[dict[str, str]]

LONGEST = 256
"""Maximum number of tokens of an answer."""


def talk(model: Path, name: str) -> None:
    """Answer each line of standard input, with the conversation so far as context.

    An empty line starts a new conversation.

    Args:
        model: the model folder, or a GGUF file.
        name: name of the model, for display.
    """
    answer = _llama_cpp(model) if model.suffix == ENDING else _transformers(model)
    say(f"{name}: type a message and press Enter; an empty line starts a new conversation, Ctrl-D quits")
    turns: Turns = []
    for line in _lines():
        if not line:
            turns = []
            continue
        turns.append({"role": "user", "content": line})
        turns.append({"role": "assistant", "content": answer(turns)})


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


def _llama_cpp(file: Path) -> Callable[[Turns], str]:
    """Return a function that generates an answer with a GGUF file, and prints it."""
    model = LlamaCpp(file)

    def answer(turns: Turns) -> str:
        text = model.answer([(turn["role"], turn["content"]) for turn in turns], LONGEST)
        print(text, flush=True)
        return text

    return answer


def _transformers(folder: Path) -> Callable[[Turns], str]:
    """Return a function that generates an answer with greedy decoding, and prints it token by token."""
    model, tokenizer = load_model(folder, "bf16"), load_tokenizer(folder)

    def answer(turns: Turns) -> str:
        from transformers import TextStreamer

        options: dict[str, Any] = {
            "add_generation_prompt": True,
            "return_dict": True,
            "return_tensors": "pt",
        }
        given = tokenizer.apply_chat_template(turns, **options).to(model.device)
        shown = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        output = model.generate(**given, max_new_tokens=LONGEST, do_sample=False, streamer=shown)
        text: str = tokenizer.decode(output[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
        return text.strip()

    return answer
