"""Language identification with py3langid (the method of arXiv 1109.2112)."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

# Names as used in prompts; other languages are named by their code.
NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
LETTERS = 50
"""Texts with fewer letters are not classified: names alone look like any language."""
SURE = 0.95
"""Minimum probability of a classification."""


class Language(NamedTuple):
    """A language by its ISO 639-1 code, and its name in English."""

    code: str
    name: str


English = Language("en", "English")


def language_of(texts: Sequence[str]) -> Language | None:
    """Return the language of the joined texts; None if they are too short or the result is uncertain."""
    whole = " ".join(texts)
    if sum(char.isalpha() for char in whole) < LETTERS:
        return None
    code, probability = _identifier().classify(whole)
    return Language(code, NAMES.get(code, code)) if probability >= SURE else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
