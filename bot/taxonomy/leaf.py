"""A leaf: one folder of the taxonomy with its qna.yaml, and what stands beside it."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["knowledge", "foundational", "compositional"]
FOLDERS = ("knowledge", "foundational_skills", "compositional_skills")
"""The top folders of a taxonomy."""
SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
"""How folders are named."""


@dataclass(frozen=True)
class QA:
    """One question with its answer, as a contributor wrote them."""

    question: str
    answer: str


@dataclass(frozen=True)
class Seed:
    """A seed example: its context, where there is one, and the questions asked about it."""

    context: str | None
    pairs: tuple[QA, ...]


@dataclass(frozen=True)
class DocumentSource:
    """Where the documents of a knowledge leaf are; `repo` "." is this repository at this commit."""

    repo: str
    commit: str
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """A document's name (path in its repository) and its text."""

    name: str
    text: str


@dataclass(frozen=True)
class ExamQuestion:
    """A held-out question; never shown to the teacher, never trained on.

    Attributes:
        must_contain: each element is a tuple of alternatives; a right answer holds one of each element.
    """

    question: str
    must_contain: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Leaf:
    """A leaf as the pipeline sees it.

    Attributes:
        path: the folder below the taxonomy's root, with slashes; this is the leaf's name.
        grounded: a skill whose seeds carry a context.
        description: `task_description`, or `document_outline` for knowledge.
    """

    path: str
    kind: Kind
    version: int
    created_by: str
    description: str
    seeds: tuple[Seed, ...]
    domain: str = ""
    grounded: bool = False
    source: DocumentSource | None = None
    documents: tuple[Document, ...] = ()
    exam: tuple[ExamQuestion, ...] = field(default=())

    def canonical(self) -> dict[str, Any]:
        """What generation depends on: the content without comments, order of keys, or the exam."""
        return {
            "path": self.path,
            "kind": self.kind,
            "description": self.description,
            "domain": self.domain,
            "seeds": [
                {"context": seed.context, "pairs": [[qa.question, qa.answer] for qa in seed.pairs]}
                for seed in self.seeds
            ],
            "documents": self._documents(),
        }

    def _documents(self) -> list[list[str]]:
        """A commit says what its files hold, so that nothing need be fetched to know it."""
        if self.source is not None and self.source.repo != ".":
            return [[self.source.repo, self.source.commit, *self.source.patterns]]
        return [[document.name, document.text] for document in self.documents]
