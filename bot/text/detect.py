"""Language identification: by script and function words, else with py3langid (arXiv 1109.2112)."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from bot.text.language import UNKNOWN, Language, known_codes, language
from bot.text.words import HANGUL, normal

LETTERS = 50
"""Texts with fewer letters are not classified with py3langid: names alone look like any language."""
WEIGHT = 3
"""A letter of a script without spaces, or of Korean, counts as this many letters."""
SURE = 0.95
"""Minimum probability of a classification."""
SHARE, FOREIGN_SHARE = 0.25, 0.04
"""Share of function words in a text of a language at least, and of words of other languages at most."""
AHEAD = 1.15
"""How much higher than the next language's the share must be."""
FEWEST_WORDS = 6
READ = 20_000
"""Number of characters that are read."""
FOREIGN_WORDS = 2
"""A text with this many function words of another language, and few of its own, is in that language."""
FOREIGN_LETTERS = 12
"""A text with this many letters (see WEIGHT) of another script, and few of its own, is foreign."""
SCRIPTS = {
    "Latin": re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
    "Greek": re.compile("[\u0370-\u03ff]"),
    "Cyrillic": re.compile("[\u0400-\u052f]"),
    "Hebrew": re.compile("[\u05d0-\u05ea]"),
    "Arabic": re.compile("[\u0620-\u064a\u0671-\u06d3]"),
    "Devanagari": re.compile("[\u0900-\u0963]"),
    "Thai": re.compile("[\u0e00-\u0e7f]"),
    "Hangul": HANGUL,
    "kana": re.compile("[\u3041-\u3096\u30a1-\u30fa]"),
    "Chinese": re.compile("[\u3400-\u9fff]"),
}
LATIN = """
    ca cs da de en es et fi fr gl hu id it lt lv nl no pl pt ro sk sl sv sw tr vi
"""
WRITTEN_IN = {
    "ja": "kana", "zh": "Chinese", "ko": "Hangul", "hi": "Devanagari", "mr": "Devanagari",
    "ne": "Devanagari", "th": "Thai", "he": "Hebrew", "el": "Greek", "ar": "Arabic", "fa": "Arabic",
    "ur": "Arabic", "ru": "Cyrillic", "uk": "Cyrillic", "bg": "Cyrillic",
    **dict.fromkeys(LATIN.split(), "Latin"),
}  # fmt: skip
"""Languages that are written in one script."""
ALIKE = ({"no", "nb", "nn", "da"}, {"hr", "bs", "sr", "me"}, {"id", "ms"}, {"hi", "ur"})
"""Languages that are hard to distinguish."""


def known_language(texts: Sequence[str]) -> Language | None:
    """Return the language of the joined texts among those that have a file; None if it is none or unclear."""
    whole = " ".join(texts)[:READ]
    counts = _scripts(whole)
    if not counts:
        return None
    script, _ = counts.most_common(1)[0]
    if script in ("kana", "Chinese"):
        han = counts["kana"] + counts["Chinese"]
        return language("ja" if 10 * counts["kana"] > han else "zh")
    if script == "Hangul":  # Korean alone is written in it
        return language("ko")
    words = normal(whole).split()
    if len(words) < FEWEST_WORDS:
        return None
    shares = {
        code: _share(words, language(code))
        for code in known_codes()
        if language(code).data["spaced"] and WRITTEN_IN[code] == script
    }
    best, *others = sorted(shares, key=lambda code: -shares[code]) or [""]
    if not best or shares[best] < SHARE or any(shares[best] < AHEAD * shares[code] for code in others):
        return None
    foreign_words = language(best).words("foreign_words") - language(best).words("function_words")
    foreign_count = sum(word in foreign_words for word in words)
    return None if foreign_count > FOREIGN_SHARE * len(words) else language(best)


def exam_language(texts: Sequence[str]) -> Language:
    """Return the language of a leaf's exam and seeds, if it has a file; else UNKNOWN.

    Texts too short to tell count as English if all their letters are ASCII.
    """
    found = known_language(texts)
    if found:
        return found
    return language("en") if all(text.isascii() for text in texts) else UNKNOWN


def language_of(texts: Sequence[str]) -> Language | None:
    """Return the language of the joined texts; None if they are too short or the result is uncertain."""
    found = known_language(texts)
    whole = " ".join(texts)[:READ]
    if found is not None or sum(_scripts(whole).values()) < LETTERS:
        return found
    code, probability = _identifier().classify(whole)
    return language(code) if probability >= SURE else None


def foreign(text: str, own: Language) -> str:
    """Return the name of a text's language or script, if the text is clearly not in `own`; else "".

    Args:
        own: the language that the text should have.
    """
    text = text[:READ]
    script = _foreign_script(text, own)
    if script:
        return script
    words = normal(text).split()
    other = _by_function_words(words, own)
    if other is not None:
        return other.name
    if own.data.get("spaced") and _share(words, own) >= SHARE:
        return ""
    found = language_of([text])
    if found is None or found == own or any({own.code, found.code} <= group for group in ALIKE):
        return ""
    return found.name


def _foreign_script(text: str, own: Language) -> str:
    """Return the script of a text, if the language is not written in it; else ""."""
    counts, expected = _scripts(text), WRITTEN_IN.get(own.code)
    if not counts or expected is None:
        return ""
    script, count = counts.most_common(1)[0]
    total = sum(counts.values())
    if expected in ("kana", "Chinese"):
        if script == "Chinese" and expected == "kana":
            return "Chinese" if count >= 2 * FOREIGN_LETTERS and not counts["kana"] else ""
        if script in ("kana", "Chinese"):
            return "Japanese" if expected != "kana" and 5 * counts["kana"] > total else ""
        expected_count = counts["kana"] + counts["Chinese"]
    else:
        expected_count = counts[expected]
    # Names, formulas and units in Latin letters stand in texts of any script.
    words = re.findall("[a-z]{2,}", text) if script == "Latin" else []
    enough = len(words) >= 3 if script == "Latin" else count >= FOREIGN_LETTERS
    return f"{script} script" if enough and 5 * expected_count < total else ""


def _by_function_words(words: Sequence[str], own: Language) -> Language | None:
    """Return a language whose function words a text has, and hardly any of its own language."""
    if not own.data.get("spaced"):
        return None
    its = own.words("function_words")
    for code in known_codes():
        other = language(code)
        if other == own or not other.data["spaced"] or WRITTEN_IN[code] != WRITTEN_IN[own.code]:
            continue
        theirs = other.words("function_words")
        only_theirs = sum(word in theirs and word not in its for word in words)
        only_its = sum(word in its and word not in theirs for word in words)
        if only_theirs >= FOREIGN_WORDS and only_theirs > 2 * only_its and _share(words, other) >= SHARE:
            return other
    return None


def _share(words: Sequence[str], known: Language) -> float:
    """Return the share of a language's function words among words."""
    little = known.words("function_words")
    return sum(word in little for word in words) / max(1, len(words))


def _scripts(text: str) -> Counter[str]:
    """Count the letters of each script."""
    return Counter(
        {
            name: count * (WEIGHT if name in ("kana", "Chinese", "Hangul", "Thai") else 1)
            for name, pattern in SCRIPTS.items()
            if (count := len(pattern.findall(text)))
        }
    )


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
