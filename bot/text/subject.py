"""The subject of a leaf's questions, and the same questions about another subject."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.text.analysis import POSSESSIVE, RUN, WORD, subject_words
from bot.text.language import Language
from bot.text.questions import UNSPACED
from bot.text.words import normal


def subject_of(questions: Sequence[str], spoken: Language) -> str:
    """Return the name of the questions' subject as they write it; "" if none recurs.

    It is the recurring word that most of the questions have; among equals, one with a capital letter. In
    scripts without spaces, it is a recurring run of katakana, Latin letters or digits.
    """
    recurring = subject_words(questions, spoken)
    seen: Counter[str] = Counter()
    for question in questions:
        if UNSPACED.search(question):
            seen.update(set(RUN.findall(question)))
        else:
            words = {POSSESSIVE.sub("", word) for word in WORD.findall(question)}
            seen.update(word for word in words if normal(word) in recurring)
    if not seen:
        return ""
    word, count = max(seen.items(), key=lambda one: (one[1], one[0][0].isupper(), len(one[0]), one[0]))
    return word if count >= 2 else ""


@dataclass(frozen=True)
class Others:
    """Subjects that replace the subject of a leaf's questions.

    Attributes:
        names: for a subject with a capital letter, or in a script without them.
        things: for a subject in lower case.
    """

    names: tuple[str, ...] = ()
    things: tuple[str, ...] = ()

    def than(self, subject: str, questions: Sequence[str], taught: Collection[str] = ()) -> list[str]:
        """Return the subjects that can replace one; none if it is "".

        Args:
            questions: the leaf's questions; a subject that they mention is no other one.
            taught: subjects of leaves, which cannot replace it either.
        """
        if not subject:
            return []
        mentioned, taken = " ".join(questions).lower(), {one.lower() for one in taught}
        among = self.things if subject[:1].islower() else self.names
        return [one for one in among if one.lower() not in mentioned and one.lower() not in taken]


def about_another(text: str, subject: str, other: str) -> str:
    """Return a text with the name of its subject replaced, wherever it stands as a word of its own."""
    edge = "" if UNSPACED.search(subject) else r"\b"
    replaced = re.sub(f"{edge}{re.escape(subject)}{edge}", lambda _: other, text, flags=re.IGNORECASE)
    return replaced[:1].upper() + replaced[1:] if text[:1].isupper() else replaced
