"""Chat with a model in the terminal."""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bot.core.progress import say
from bot.inference.engine_llamacpp import ENDING, LlamaCpp
from bot.inference.models import load_model, load_tokenizer
from bot.inference.retrieval import Passage, with_passages
from bot.taxonomy.files import shown
from bot.text.chat_template import Turns, prompt_text
from bot.text.tokens import token_ids

LONGEST = 256
"""Maximum number of tokens of an answer."""


def talk(model: Path, name: str, find: Callable[[str], Sequence[Passage]] | None = None) -> None:
    """Answer each line of standard input, with the conversation so far as context.

    An empty line starts a new conversation.

    Args:
        model: the model folder, or a GGUF file.
        name: name of the model, for display.
        find: returns the passages for a message; None without retrieval.
    """
    answer = _llama_cpp(model) if model.suffix == ENDING else _transformers(model)
    say(f"{name}: type a message and press Enter; an empty line starts a new conversation, Ctrl-D quits")
    turns: list[tuple[str, str]] = []
    for line in _lines():
        if not line:
            turns = []
            continue
        asked = line
        if find:
            passages = find(line)
            asked = with_passages(line, passages)
            say(f"passages: {', '.join(shown(one.place) for one in passages)}")
        # The passages of earlier messages are left out, so that the conversation stays short.
        turns += [("user", line), ("assistant", answer([*turns, ("user", asked)]))]


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
        text = model.answer(turns, LONGEST)
        print(text, flush=True)
        return text

    return answer


def _transformers(folder: Path) -> Callable[[Turns], str]:
    """Return a function that generates an answer with greedy decoding, and prints it token by token.

    What a message or a passage contains never becomes a token that only the chat template may write.
    """
    import torch
    from transformers import TextStreamer

    model, tokenizer = load_model(folder, "bf16"), load_tokenizer(folder)

    def answer(turns: Turns) -> str:
        given = torch.tensor([token_ids(prompt_text(turns, tokenizer), tokenizer)], device=model.device)
        options = {"attention_mask": torch.ones_like(given), "max_new_tokens": LONGEST, "do_sample": False}
        streamer = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        output = model.generate(given, streamer=streamer, **options)
        found: str = tokenizer.decode(output[0, given.shape[1] :], skip_special_tokens=True)
        return found.strip()

    return answer
