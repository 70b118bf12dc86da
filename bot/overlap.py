"""Find exam questions in what samples ask, by an index whose cost does not grow with the number of exams."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet

from bot.evaluate.words import UNSPACED, normal

MINIMUM = 4
"""Words of an exam question that counts wherever it is contained. A shorter one ("Who?") is in too many
questions, so only a question with the same words is the same question."""
SAME = (17, 20)
"""Two questions that share this much of their words (85%) are the same question."""


def words_of(text: str) -> list[str]:
    """The words of a normal text; a character of a script without spaces between words is one."""
    if not UNSPACED.search(text):
        return text.split()
    return UNSPACED.sub(lambda found: f" {found[0]} ", text).split()


def _long_enough(words: Sequence[str]) -> bool:
    """Whether these are MINIMUM words; two characters of a script without spaces count as one."""
    return sum(1 if UNSPACED.match(word) else 2 for word in words) >= 2 * MINIMUM


def near(words: AbstractSet[str], others: AbstractSet[str]) -> bool:
    """Whether two sets of words are as good as the same."""
    most, least = max(len(words), len(others)), min(len(words), len(others))
    if SAME[1] * least < SAME[0] * most or not least:
        return False
    shared = len(words & others)
    return SAME[1] * shared >= SAME[0] * (most + least - shared)


class ExamIndex:
    """Exam questions, and the leaves whose they are.

    A text holds a question of at least MINIMUM words if all of them stand in it, in this order; and it is
    near a question if the two share 85% of their words.

    Args:
        questions: exam question -> the leaves that ask it.

    Attributes:
        owners: of each question, by its number, the leaves that ask it.
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
        # How long the questions are that begin with these words.
        self._lengths: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for whole in self._whole:
            self._lengths[whole[:MINIMUM]].add(len(whole))
        self._count = Counter(word for words in self._sets for word in words)
        # Prefix filter (Chaudhuri et al., ICDE 2006): sets that share 85% share one of their rarest words.
        self._rare: dict[str, list[frozenset[str]]] = defaultdict(list)
        for exam in self._sets:
            for word in self._rarest(exam):
                self._rare[word].append(exam)

    def _rarest(self, words: Collection[str]) -> list[str]:
        """So many of the rarest words that a set which shares 85% of all must have one of them."""
        ordered = sorted(words, key=lambda word: (self._count.get(word, 0), word))
        return ordered[: len(ordered) + (SAME[0] * -len(ordered) // SAME[1]) + 1]

    def find(self, text: str) -> set[int]:
        """The numbers of the exam questions that a normal text holds or is near."""
        words = words_of(text)
        found: set[int] = set()
        for place in range(len(words) - MINIMUM + 1):
            for length in self._lengths.get(tuple(words[place : place + MINIMUM]), ()):
                found.update(self._whole.get(tuple(words[place : place + length]), ()))
        own = frozenset(words)
        for word in self._rarest(own):
            for exam in self._rare.get(word, ()):
                if near(own, exam):
                    found.update(self._sets[exam])
        return found
