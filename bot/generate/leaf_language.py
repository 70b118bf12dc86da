"""The language of a leaf: of its questions, and of its answers, which a translation skill has in another."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.taxonomy.leaf import Leaf
from bot.text.detect import foreign, language_of
from bot.text.language import UNKNOWN, Language, language


@dataclass(frozen=True)
class LeafLanguage:
    """The languages of a leaf; UNKNOWN where they cannot be identified.

    Attributes:
        asked: the language of the questions, and of the leaf as a whole.
        answered: the language of the answers; UNKNOWN also if the seeds are answered in several languages.
        passages: the language of the contexts.
    """

    asked: Language
    answered: Language
    passages: Language


@lru_cache(maxsize=64)
def language_of_leaf(leaf: Leaf) -> LeafLanguage:
    """Identify the languages of a leaf by its seed examples."""
    questions = [pair.question for seed in leaf.seeds for pair in seed.pairs]
    answers = [pair.answer for seed in leaf.seeds for pair in seed.pairs]
    contexts = [seed.context for seed in leaf.seeds if seed.context]
    whole = language_of([*questions, *answers, *contexts]) or _by_letters([*questions, *answers, *contexts])
    asked = language_of(questions) or whole
    return LeafLanguage(asked, _common(answers, asked), _common(contexts, asked))


def _by_letters(texts: Sequence[str]) -> Language:
    """Return English for texts too short to identify that have ASCII letters only, as most formulas have."""
    return language("en") if all(text.isascii() for text in texts) else UNKNOWN


def _common(texts: Sequence[str], whole: Language) -> Language:
    """Return the language that all texts have; UNKNOWN if one of them is in another language."""
    found = language_of(texts) or whole
    return UNKNOWN if any(foreign(text, found) for text in texts) else found
