"""Normalization of texts, and search for whole words in any script."""

import re
import unicodedata

from bot.text.questions import UNSPACED, without_accents

# A number with separators between its thousands: 8,400, 8 400, 1'234'567, or 1,00,000 as in India.
THOUSANDS = re.compile(
    "(?<![\\d.,])[1-9]\\d{0,2}(?:(?:,\\d\\d){1,4},\\d{3}|(?:[,'\u2019 ]\\d{3}){1,6})(?!\\d)", flags=re.ASCII
)
# The same where the decimal mark is a comma: 8.400 is 8400, too.
THOUSANDS_COMMA = re.compile("(?<![\\d.,])[1-9]\\d{0,2}(?:[.,'\u2019 ]\\d{3}){1,6}(?!\\d)", flags=re.ASCII)
SEPARATORS = re.compile("[.,'\u2019 ]")
SPACES = re.compile("[\u00a0\u2009\u202f]")
MEANT = "#%&@"
ASCII_PUNCTUATION = re.compile(r"""[!"'()*,\-./:;?\[\\\]_{}]""")
# Letters and vowel signs of the scripts of India; \w does not match the signs.
INDIC = "\u0900-\u0963\u0966-\u0dff"
LETTER = f"[\\w{INDIC}]"
KATAKANA = "\u30a1-\u30fa\u30fc"
MULTIPLIERS = "\u767e\u5343\u4e07\u842c\u5104\u4ebf\ubc31\ucc9c\ub9cc\uc5b5"
"""Characters that multiply the digits before them, in Chinese, Japanese and Korean."""
HANGUL = re.compile("[\uac00-\ud7a3]")
# Endings that follow a Korean noun or number: particles, and forms of the verb "to be".
PARTICLES = (
    "(?:들)?(?:은|는|이|가|을|를|의|에|에서|에게|에는|에서는|로|으로|와|과|도|만|까지|부터|보다|처럼|이나|나|이며|이고"
    "|이다|입니다|이에요|예요|이었다|였다|이었습니다|였습니다|이라고|라고|이라는|라는|이란|란|께서|한테)?"
)


def normal(text: str, decimal: str = ".") -> str:
    """Normalize a text: words in lower case, separated by one space, without accents and most punctuation.

    Args:
        decimal: the decimal mark of the text's language; the other mark separates thousands.
    """
    if text.isascii():
        # Same result, ten times faster; a mixture can have some hundred thousand questions.
        lower = _without_separators(text.lower(), decimal)
        return " ".join(ASCII_PUNCTUATION.sub(lambda mark: _kept(lower, mark.start()), lower).split())
    plain = without_accents(SPACES.sub(" ", text).casefold()).casefold()
    plain = "".join(_digit(char) for char in plain)
    plain = _without_separators(plain, decimal)
    return " ".join("".join(_kept(plain, place) for place in range(len(plain))).split())


def holds(text: str, words: str) -> bool:
    """Whether a normalized text contains the normalized words as whole words.

    In scripts without spaces, a word may stand anywhere, but a run of katakana is one word. A Korean word may
    be followed by a particle.
    """
    if not words:
        return False
    after = PARTICLES if HANGUL.match(words[-1]) else ""
    pattern = _apart(words[0], "(?<!") + re.escape(words) + after + _apart(words[-1], "(?!")
    return re.search(pattern, text) is not None


def _apart(char: str, sign: str) -> str:
    """Return an assertion that the text beside a word's first or last character is not part of the word.

    Args:
        sign: how the assertion begins: `(?<!` for the first character, `(?!` for the last.
    """
    if re.match(f"[{KATAKANA}]", char):
        return f"{sign}[{KATAKANA}])"
    if UNSPACED.match(char) or not re.match(LETTER, char):
        return ""
    # A word in Latin letters or digits ends where another script begins: 1702年, 1702년.
    others = UNSPACED.pattern[1:-1] + ("" if HANGUL.match(char) else HANGUL.pattern[1:-1])
    apart = f"{sign}[^\\W{others}]){sign}[{INDIC}])"
    if sign == "(?!":
        # 12 is not in 12.5, and not in 12万, which is 120,000.
        apart += rf"(?!\.\d{f'|[{MULTIPLIERS}]' if char.isdigit() else ''})"
    return apart


def _digit(char: str) -> str:
    """Return a decimal digit of any script as an ASCII digit, and other characters as they are."""
    return str(unicodedata.decimal(char)) if char.isdecimal() else char


def _without_separators(text: str, decimal: str) -> str:
    """Remove the separators between thousands from the numbers in a text."""
    pattern = THOUSANDS if decimal == "." else THOUSANDS_COMMA
    return pattern.sub(lambda number: SEPARATORS.sub("", number[0]), text)


def _kept(text: str, place: int) -> str:
    """Return the character at `place`, or a space if it is punctuation without meaning in an answer."""
    char = text[place]
    if not unicodedata.category(char).startswith("P") or char in MEANT:
        return char
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    decimal = char in ".," and before.isdigit() and after.isdigit()
    minus = unicodedata.category(char) == "Pd" and after.isdigit() and not before.isalnum()
    if decimal:
        return "."
    return "-" if minus else " "
