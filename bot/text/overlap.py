"""Find exam questions in samples, with an index whose lookup cost does not grow with the number of exams."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from bot.text.questions import UNSPACED
from bot.text.words import normal

MINIMUM = 4
"""Minimum length, in words, of exam questions that are also found inside longer texts. Shorter ones ("Who?")
are part of too many questions, so they match only questions with the same words."""
SAME = (17, 20)
"""Two questions are the same if the Jaccard similarity of their words is at least 17/20 (85%)."""
DIFFERENT = 12
"""Two sets of at most this many words reach 85% only if they are equal: 11 of 13 is less."""


def words_of(text: str) -> list[str]:
    """Split a normalized text into words; in scripts without spaces, each character is a word."""
    if not UNSPACED.search(text):
        return text.split()
    return UNSPACED.sub(lambda found: f" {found[0]} ", text).split()


def _long_enough(words: Sequence[str]) -> bool:
    """Whether there are at least MINIMUM words; two characters of a script without spaces count as one."""
    return sum(1 if UNSPACED.match(word) else 2 for word in words) >= 2 * MINIMUM


def near(words: AbstractSet[str], others: AbstractSet[str]) -> bool:
    """Whether the Jaccard similarity of two sets of words is at least 85%."""
    most, least = max(len(words), len(others)), min(len(words), len(others))
    if SAME[1] * least < SAME[0] * most or not least:
        return False
    shared = len(words & others)
    return SAME[1] * shared >= SAME[0] * (most + least - shared)


class ExamIndex:
    """An index of exam questions, with the leaves that ask them.

    A text matches a question of at least MINIMUM words if it contains them as a consecutive sequence, and
    any question if the Jaccard similarity of their words is at least 85%.

    Args:
        questions: exam question -> the leaves that ask it.

    Attributes:
        owners: for each question, by its number, the leaves that ask it.
    """

    def __init__(self, questions: Mapping[str, Collection[str]]) -> None:
        self.owners: list[frozenset[str]] = [frozenset(owners) for owners in questions.values()]
        self._whole: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._sets: dict[frozenset[str], list[int]] = defaultdict(list)
        for number, question in enumerate(questions):
            words = words_of(normal(question))
            if _long_enough(words):
                self._whole[tuple(words)].append(number)
            if words:
                self._sets[frozenset(words)].append(number)
        # First MINIMUM words -> lengths of the questions that begin with them.
        self._lengths: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for whole in self._whole:
            self._lengths[whole[:MINIMUM]].add(len(whole))
        self._count = Counter(word for words in self._sets for word in words)
        # Prefix filter (Chaudhuri et al., ICDE 2006): sets that share 85% share one of their rarest words.
        self._rare: dict[tuple[int, str], list[frozenset[str]]] = defaultdict(list)
        for exam in self._sets:
            for word in self._rarest(exam):
                self._rare[len(exam), word].append(exam)
        self._sizes = sorted({size for size, _ in self._rare})

    def _rarest(self, words: Collection[str]) -> list[str]:
        """Return as many of the rarest words as a set that shares 85% must have at least one of."""
        ordered = sorted(words, key=lambda word: (self._count.get(word, 0), word))
        return ordered[: len(ordered) + (SAME[0] * -len(ordered) // SAME[1]) + 1]

    def find(self, text: str) -> set[int]:
        """Return the numbers of the exam questions that a normalized text contains or is similar to."""
        words = words_of(text)
        found: set[int] = set()
        for place in range(len(words) - MINIMUM + 1):
            for length in self._lengths.get(tuple(words[place : place + MINIMUM]), ()):
                found.update(self._whole.get(tuple(words[place : place + length]), ()))
        for exam in self._near(frozenset(words)):
            found.update(self._sets[exam])
        return found

    def _near(self, words: frozenset[str]) -> Iterator[frozenset[str]]:
        """Yield the indexed sets of words whose Jaccard similarity to these words is at least 85%."""
        if words in self._sets:
            yield words
        least, most = -(-SAME[0] * len(words) // SAME[1]), SAME[1] * len(words) // SAME[0]
        sizes = self._sizes[bisect_left(self._sizes, least) : bisect_right(self._sizes, most)]
        sizes = [size for size in sizes if size != len(words) or size > DIFFERENT]
        for word in self._rarest(words) if sizes else ():
            for size in sizes:
                yield from (exam for exam in self._rare.get((size, word), ()) if near(words, exam))
