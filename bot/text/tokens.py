"""Markup tokens of a tokenizer, such as `<|im_end|>`, which only the chat template may produce."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

BROKEN = "\ufdd0"
"""Separates the two halves of a token's spelling. Unicode reserves this noncharacter for internal use."""


def reserved(content: str, *, special: bool) -> bool:
    """Whether an added token of a vocabulary is markup: a special token, or in brackets such as `<think>`.

    Other added tokens, such as runs of spaces and plain words, are harmless in contents.
    """
    bracketed = content[:1] in "<[{" and content[-1:] in ">]}"
    return len(content) > 1 and bool(content.strip()) and (special or bracketed)


@cache
def reserved_tokens(folder: Path) -> frozenset[str]:
    """Return the markup tokens of the tokenizer in a model folder, without loading the tokenizer."""
    added: list[Mapping[str, Any]] = []
    if (folder / "tokenizer.json").is_file():
        added += json.loads((folder / "tokenizer.json").read_text()).get("added_tokens") or []
    if (folder / "tokenizer_config.json").is_file():
        decoder = json.loads((folder / "tokenizer_config.json").read_text()).get("added_tokens_decoder")
        added += (decoder or {}).values()
    return frozenset(
        token["content"] for token in added if reserved(token["content"], special=token.get("special", False))
    )


def any_of(texts: Iterable[str]) -> str:
    """Return a regular expression for any of the texts; built as a trie, so it reads each character once."""
    left = set(texts)
    rests: defaultdict[str, set[str]] = defaultdict(set)
    for text in left - {""}:
        rests[text[0]].add(text[1:])
    branches = [re.escape(first) + any_of(rest) for first, rest in sorted(rests.items())]
    pattern = f"(?:{'|'.join(branches)})" if branches else ""
    return f"{pattern}?" if pattern and "" in left else pattern


def break_tokens(messages: Sequence[tuple[str, str]], tokenizer: Any) -> list[dict[str, str]]:
    """Convert (role, content) turns to the chat template's format, with broken spellings of markup tokens."""
    return [{"role": role, "content": broken(content, tokenizer)} for role, content in messages]


def broken(text: str, tokenizer: Any) -> str:
    """Insert BROKEN into each spelling of a markup token; encode the result with `token_ids`."""
    spelt = _spelt(tokenizer)
    return spelt.sub(lambda first: first[0] + BROKEN, text) if spelt else text


def token_ids(text: str, tokenizer: Any) -> list[int]:
    """Encode a text that may contain BROKEN; returns token IDs without special tokens added."""
    pieces = [piece for piece in text.split(BROKEN) if piece]
    return [token for piece in pieces for token in tokenizer(piece, add_special_tokens=False)["input_ids"]]


@lru_cache(maxsize=4)
def _spelt(tokenizer: Any) -> re.Pattern[str] | None:
    """Return a pattern for the first character of each markup token in a text, including overlapping ones."""
    added = tokenizer.added_tokens_decoder.values()
    tokens = {token.content for token in added if reserved(token.content, special=token.special)}
    return re.compile(f"(?={any_of(tokens)}).", re.DOTALL) if tokens else None
