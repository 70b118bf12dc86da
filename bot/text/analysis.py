"""Text analysis: split texts into sentences and paragraphs; find names, key words and common parts."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile

from bot.text.language import Language, language
from bot.text.overlap import words_of
from bot.text.questions import UNSPACED
from bot.text.read_markdown import read
from bot.text.words import KATAKANA, normal

ENGLISH = language("en")

# A sentence ends at a punctuation mark followed by a space and anything but a lower-case letter; in Chinese,
# Japanese and Hindi, at the punctuation mark.
SENTENCE_END = re.compile(
    "(?:(?<=[.!?])|(?<=[.!?][\"'\u201d\u2019)]))\\s+(?=[\"'\u201c\u2018(]?[^\\W_a-z])"
    "|(?<=[\u3002\uff01\uff1f\u0964\u0965])"
)
# \w does not match the vowel signs of the scripts of India.
WORD = re.compile("\\w[\\w\u0900-\u0963\u0966-\u0dff'\u2019-]*")
# In scripts without spaces, names and foreign words are runs of katakana, Latin letters or digits.
RUN = re.compile(f"[{KATAKANA}]{{2,}}|[A-Za-z0-9]+")
ORDINAL = re.compile(r"(?:^|\s)\d{1,2}\.$")
# J. R. Smith, z. B. That two sentences become one after "vitamin C." does less harm than a name that is cut.
INITIAL = re.compile(r"(?:^|[\s(.])[^\W\d_]\.$")
POSSESSIVE = re.compile("['\u2019]s?$")
# A word belongs to a leaf's subject if it occurs in at least this share of the leaf's questions.
SUBJECT_SHARE = 0.3


def sentences(text: str, spoken: Language = ENGLISH) -> list[str]:
    """Split a paragraph into sentences. The full stop of an abbreviation or an initial does not end one."""
    whole: list[str] = []
    for part in (part.strip() for part in SENTENCE_END.split(text)):
        if whole and part and _goes_on(whole[-1], part, spoken):
            whole[-1] += f" {part}"
        elif part:
            whole.append(part)
    return whole


def _goes_on(before: str, after: str, spoken: Language) -> bool:
    """Return whether the full stop at the end of a text does not end a sentence, given what follows it."""
    # Where nouns have capitals, an ordinal is no end: am 3. Mai.
    if spoken.data.get("capitals") == "nouns" and ORDINAL.search(before):
        return True
    if next((char for char in after if char.isalnum()), "").islower():
        return True
    last = before.rsplit(None, 1)[-1]
    if not last.endswith("."):
        return False
    word = last[:-1].lstrip("(\"'\u201c\u2018\u201e\u00ab")
    if after[:1].isdigit() and word in spoken.spelled("abbreviations_before_numbers"):
        return True
    if word not in spoken.spelled("abbreviations") and not INITIAL.search(before):
        return False
    first = after.split(None, 1)[0]
    return first.endswith(".") or normal((WORD.findall(first) or [""])[0]) not in spoken.words(
        "function_words"
    )


def paragraphs(markdown: str) -> list[str]:
    """Return the paragraphs of running text as a reader sees them, without headings, tables, code and images.

    The items of a list are one paragraph if they are sentences; other items are a paragraph each.
    """
    kept: list[str] = []
    open_list = False
    for block in read(markdown):
        if block.kind in ("paragraph", "item") and re.search(r"^[^|]*\w", block.text):
            item = block.kind == "item" and sentence_ends(block.text)
            if item and open_list:
                kept[-1] = f"{kept[-1]} {block.text}"
            else:
                kept.append(block.text)
            open_list = item
        else:
            open_list = False
    return kept


def sentence_ends(text: str) -> bool:
    """Return whether a text ends with the end of a sentence."""
    return bool(SENTENCE_END.search(text.rstrip()[-2:] + " A"))


def words(text: str, spoken: Language = ENGLISH) -> list[str]:
    """Return the words of a text in normal form, without function words.

    In scripts without spaces, each letter counts as a word; if all are function words, they are returned.
    """
    every, little = words_of(spoken.normal(text)), spoken.words("function_words")
    kept = [word for word in every if word not in little]
    return kept if kept or spoken.data.get("spaced", True) else every


def stem(word: str) -> str:
    """Remove a common English ending from a word, so that "founded" and "founds" compare as equal."""
    for ending in ("ing", "ed", "es", "s", "ly", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def key_words(question: str, answer: str, spoken: Language = ENGLISH) -> set[str]:
    """Return the answer's words that are not in the question; all its words if none are new."""
    answered, asked = set(words(answer, spoken)), {stem(word) for word in words(question, spoken)}
    return {word for word in answered if stem(word) not in asked} or answered


def subject_words(questions: Iterable[str], spoken: Language = ENGLISH) -> set[str]:
    """Return the words that recur in a leaf's questions: the subject of the leaf."""
    all_questions = [set(words(question, spoken)) for question in questions]
    seen = Counter(word for question in all_questions for word in question)
    return {w for w, n in seen.items() if n >= max(2, SUBJECT_SHARE * len(all_questions)) and len(w) > 3}


def names(question: str, subject: Iterable[str]) -> tuple[str, ...]:
    """Return the words of a question that a rephrased version must keep.

    These are words with a capital letter or a digit, except the first word, and the leaf's subject words.

    Args:
        subject: see `subject_words`.
    """
    if UNSPACED.search(question):
        return tuple(dict.fromkeys(RUN.findall(question)))
    about = set(subject)
    found = []
    for place, word in enumerate(WORD.findall(question)):
        bare = POSSESSIVE.sub("", word)
        marked = place > 0 and (bare[0].isupper() or any(c.isdigit() for c in bare)) and bare != "I"
        if marked or normal(bare) in about:
            found.append(bare)
    return tuple(dict.fromkeys(found))


def common_start(texts: Sequence[str]) -> str:
    """Return the longest common prefix of all texts that consists of whole words."""
    start = _common(texts)
    if any(start != text and text[len(start) : len(start) + 1].isalnum() for text in texts):
        start = start[: len(start) - len(start.split(" ")[-1])]
    return start.rstrip()


def common_end(texts: Sequence[str]) -> str:
    """Return the longest common suffix of all texts that consists of whole words."""
    end = _common([text[::-1] for text in texts])[::-1]
    if any(text != end and text[-len(end) - 1].isalnum() for text in texts):
        end = end[len(end.split(" ")[0]) :]
    return end.lstrip(" .,;:!?")


def _common(texts: Sequence[str]) -> str:
    """Return the longest common prefix of all texts, in characters."""
    return "".join(
        column[0] for column in takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))
    )
