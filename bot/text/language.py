"""What is known about a language: one YAML file for each, in bot/text/languages/."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from bot.text.words import normal

FOLDER = Path(__file__).with_name("languages")
# English names of languages without a file, as used in prompts; others are named by their code.
NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "el": "Greek",
    "et": "Estonian", "fa": "Persian", "fi": "Finnish", "gl": "Galician", "he": "Hebrew", "hr": "Croatian",
    "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "lt": "Lithuanian",
    "lv": "Latvian", "mr": "Marathi", "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish",
    "sw": "Swahili", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Language:
    """A language, with the content of its file; schemas/language.json describes the keys.

    Attributes:
        code: its ISO 639-1 code; "" if the language is not known.
        name: its name in English.
        data: the content of its file; empty if there is none.
    """

    code: str
    name: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Language) and self.code == other.code

    def __hash__(self) -> int:
        return hash(self.code)

    def words(self, key: str) -> frozenset[str]:
        """Return a list of words in normal form; empty if the file does not have it."""
        return _words(self, key)

    def spelled(self, key: str) -> frozenset[str]:
        """Return a list of words as they are written; empty if the file does not have it."""
        return frozenset(self.data.get(key, "").split())

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; empty if the file does not have it."""
        return tuple(self.data.get(key, ()))

    def normal(self, text: str) -> str:
        """Return a text in normal form; see `bot.text.words.normal`."""
        return normal(text, self.data.get("decimal", "."))

    @cached_property
    def number_asked(self) -> re.Pattern[str] | None:
        """Matches a question for a number or a date, in normal form; None if the file has no such phrases."""
        phrases = [normal(phrase) for phrase in self.data.get("number_asked", "").split("|") if phrase]
        edge = r"\b" if self.data.get("spaced") else ""
        return re.compile(f"{edge}(?:{'|'.join(map(re.escape, phrases))}){edge}") if phrases else None


UNKNOWN = Language("", "an unknown language")


@cache
def _words(language: Language, key: str) -> frozenset[str]:
    return frozenset(normal(word) for word in language.data.get(key, "").split())


@cache
def language(code: str) -> Language:
    """Return the language with this code."""
    file = FOLDER / f"{code}.yaml"
    if code not in known_codes():
        return Language(code, NAMES.get(code, code)) if code else UNKNOWN
    data = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return Language(code, data["name"], data)


@cache
def fingerprint() -> str:
    """Return a hash of all language files, for store keys."""
    whole = hashlib.sha256()
    for code in known_codes():
        whole.update((FOLDER / f"{code}.yaml").read_bytes())
    return whole.hexdigest()


@cache
def known_codes() -> tuple[str, ...]:
    """Return the codes of the languages that have a file."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml")))
