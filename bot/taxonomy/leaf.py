"""The data model of a leaf: a folder of the taxonomy with a qna.yaml, its documents and its exam."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.text.doubts import Doubt
from bot.text.mark_answer import Marking

Kind = Literal["knowledge", "foundational", "compositional"]
FOLDERS = ("knowledge", "foundational_skills", "compositional_skills")
"""The top folders of a taxonomy."""
SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
"""The format of folder names."""


@dataclass(frozen=True)
class QA:
    """One question with its answer, as a contributor wrote them."""

    question: str
    answer: str


@dataclass(frozen=True)
class Seed:
    """A seed example: an optional context, and questions about it with answers."""

    context: str | None
    pairs: tuple[QA, ...]


@dataclass(frozen=True)
class DocumentSource:
    """The location of a knowledge leaf's documents; `repo` "." is the leaf's folder at the same commit."""

    repo: str
    commit: str
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """A document of a knowledge leaf.

    Attributes:
        name: its path in the leaf's folder or its own repository.
        text: its content: Markdown, or plain text if its name ends in .txt.
        doubts: what its conversion to Markdown is not sure of; see `bot.taxonomy.documents.doubts_of`.
    """

    name: str
    text: str
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True)
class ExamQuestion:
    """A held-out question: never shown to the teacher model, never used for training."""

    question: str
    marking: Marking


@dataclass(frozen=True)
class Leaf:
    """A leaf of the taxonomy.

    Attributes:
        path: the folder below the taxonomy's root, with slashes; it is also the leaf's name.
        grounded: whether the leaf is a skill with a context in its seed examples.
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
        """Return the data that generation depends on, without YAML comments, key order and the exam."""
        return {
            "path": self.path,
            "kind": self.kind,
            "description": self.description,
            "domain": self.domain,
            "grounded": self.grounded,
            "seeds": [
                {"context": seed.context, "pairs": [[qa.question, qa.answer] for qa in seed.pairs]}
                for seed in self.seeds
            ],
            "documents": self._documents(),
        }

    def _documents(self) -> list[list[str]]:
        """Return the documents' content, or for a remote source its commit, so nothing has to be fetched."""
        if self.source is not None and self.source.repo != ".":
            return [[self.source.repo, self.source.commit, *self.source.patterns]]
        return [[document.name, document.text] for document in self.documents]
