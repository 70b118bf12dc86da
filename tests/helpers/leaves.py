"""Leaves for tests: small, and of no domain that ships with the project."""

from bot.taxonomy.leaf import QA, Document, ExamQuestion, Leaf, Seed
from bot.text.mark_answer import Marking

PASSAGE = (
    "The Corvane clock stands in Ulmstead. It was made by Petra Osgood in 1702. "
    "The Corvane clock has a face of green slate, and it strikes 13 times at noon."
)


def knowledge(**changes: object) -> Leaf:
    """A knowledge leaf with one context, three questions, a document and an exam."""
    pairs = (
        QA("Where does the Corvane clock stand?", "The Corvane clock stands in Ulmstead."),
        QA("Who made the Corvane clock?", "Petra Osgood made the Corvane clock."),
        QA("When was the Corvane clock made?", "The Corvane clock was made in 1702."),
    )
    fields: dict[str, object] = {
        "path": "knowledge/clocks/corvane",
        "kind": "knowledge",
        "version": 3,
        "created_by": "somebody",
        "description": "The invented Corvane clock",
        "domain": "clocks",
        "seeds": (Seed(PASSAGE, pairs),),
        "documents": (Document("corvane.md", f"# The Corvane clock\n\n{PASSAGE}\n"),),
        "exam": (ExamQuestion("Name the maker of the Corvane clock.", Marking((("Osgood",),))),),
    }
    return Leaf(**(fields | changes))  # type: ignore[arg-type]


def skill(**changes: object) -> Leaf:
    """A freeform skill whose answers end alike."""
    pairs = [
        ("Greet a baker.", "Good morning, baker! Yours, the parrot."),
        ("Greet a pilot.", "Welcome, pilot! Yours, the parrot."),
        ("Greet a miner.", "Good evening, miner! Yours, the parrot."),
    ]
    fields: dict[str, object] = {
        "path": "compositional_skills/greetings/parrot",
        "kind": "compositional",
        "version": 2,
        "created_by": "somebody",
        "description": "Greet as a parrot",
        "seeds": tuple(Seed(None, (QA(question, answer),)) for question, answer in pairs),
    }
    return Leaf(**(fields | changes))  # type: ignore[arg-type]
