"""Join words that were divided at the end of a line, and keep the hyphens that belong to a word."""

import re
from functools import cache

HYPHEN = "\ufffe"
"""Marks a hyphen at the end of a line; pdfium uses this noncharacter, too."""
_DIVIDED = re.compile(rf"([^\W\d_]*)(\w?){HYPHEN}[ \n]?([^\W\d_]*)")
_WORDS = re.compile(r"\w+(?:-\w+)*")


def join_hyphens(text: str) -> str:
    """Replace each HYPHEN: remove it from a word that was divided, keep it in a word that is spelt with one.

    The document's other words decide; then a list of English words. A hyphen beside a digit, a capital or a
    single letter is kept, and so is one between two words of the list.
    """
    if HYPHEN not in text:
        return text
    own = {word.casefold() for word in _WORDS.findall(text.replace(HYPHEN, "\n"))}

    def whole(found: re.Match[str]) -> str:
        first, second = found[1] + found[2], found[3]
        mark = "" if _is_divided(first, second, own) else "-"
        return f"{first}{mark}{second}"

    return _DIVIDED.sub(whole, text)


def _is_divided(first: str, second: str, own: set[str]) -> bool:
    if len(first) < 2 or not first.isalpha() or not second[:1].islower():
        return False
    left, right = first.casefold(), second.casefold()
    if left + right in own:
        return True
    if f"{left}-{right}" in own or any(word.startswith(f"{left}-") for word in own):
        return False
    known = _english()
    if left + right in known:
        return True
    return not (left in known and right in known)


@cache
def _english() -> frozenset[str]:
    from spellchecker import SpellChecker

    return frozenset(SpellChecker(language="en", distance=1).word_frequency.dictionary)
