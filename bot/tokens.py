"""A tokenizer's own tokens, such as `<|im_end|>`, and how text that spells one is kept from becoming it."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

BROKEN = "\ufdd0"
"""Marks where a token's spelling is broken in two. Unicode keeps this character for uses such as this one."""


def reserved(content: str, *, special: bool) -> bool:
    """Whether a token that was added to a vocabulary is markup: special, or in brackets as `<think>` is.

    Runs of spaces and plain words are added too; text that spells these means nothing else by it.
    """
    bracketed = content[:1] in "<[{" and content[-1:] in ">]}"
    return len(content) > 1 and bool(content.strip()) and (special or bracketed)


@cache
def reserved_tokens(folder: Path) -> frozenset[str]:
    """The markup tokens of a model's tokenizer, read from its files."""
    stated: list[Mapping[str, Any]] = []
    if (folder / "tokenizer.json").is_file():
        stated += json.loads((folder / "tokenizer.json").read_text()).get("added_tokens") or []
    if (folder / "tokenizer_config.json").is_file():
        decoder = json.loads((folder / "tokenizer_config.json").read_text()).get("added_tokens_decoder")
        stated += (decoder or {}).values()
    return frozenset(
        token["content"]
        for token in stated
        if reserved(token["content"], special=token.get("special", False))
    )


def any_of(texts: Iterable[str]) -> str:
    """A regular expression for any of these texts that reads each character once, however many there are."""
    left = set(texts)
    rests: defaultdict[str, set[str]] = defaultdict(set)
    for text in left - {""}:
        rests[text[0]].add(text[1:])
    branches = [re.escape(first) + any_of(rest) for first, rest in sorted(rests.items())]
    pattern = f"(?:{'|'.join(branches)})" if branches else ""
    return f"{pattern}?" if pattern and "" in left else pattern


def break_tokens(messages: Sequence[tuple[str, str]], tokenizer: Any) -> list[dict[str, str]]:
    """Turns for a chat template, without a token of the tokenizer's own in their contents."""
    return [{"role": role, "content": broken(content, tokenizer)} for role, content in messages]


def broken(text: str, tokenizer: Any) -> str:
    """A text in which the spellings of the tokenizer's own tokens are broken; `token_ids` reads it."""
    spelt = _spelt(tokenizer)
    return spelt.sub(lambda first: first[0] + BROKEN, text) if spelt else text


def token_ids(text: str, tokenizer: Any) -> list[int]:
    """The tokens of a text, which may hold broken spellings."""
    pieces = [piece for piece in text.split(BROKEN) if piece]
    return [token for piece in pieces for token in tokenizer(piece, add_special_tokens=False)["input_ids"]]


@lru_cache(maxsize=4)
def _spelt(tokenizer: Any) -> re.Pattern[str] | None:
    """Finds the first character of each markup token in a text, overlapping ones too."""
    added = tokenizer.added_tokens_decoder.values()
    tokens = {token.content for token in added if reserved(token.content, special=token.special)}
    return re.compile(f"(?={any_of(tokens)}).", re.DOTALL) if tokens else None
