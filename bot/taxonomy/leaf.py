"""The data model of a leaf: a folder of the taxonomy with a qna.yaml, its documents and its exam."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.text.document_doubts import Doubt
from bot.text.mark_answer import Marking

Kind = Literal["knowledge", "foundational", "compositional"]
FOLDERS = ("knowledge", "foundational_skills", "compositional_skills")
"""The top folders of a taxonomy."""
SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
"""The format of folder names."""


@dataclass(frozen=True)
class QA:
    """One question with its answer, as a contributor wrote them.

    Attributes:
        number: its place in qna.yaml, such as 2.3, if others of the leaf were set apart; else "".
    """

    question: str
    answer: str
    number: str = ""

    def source(self, seed: int, place: int) -> str:
        """Return the name of this pair as the source of a sample.

        Args:
            seed: the number of its seed example in the leaf.
            place: its number in the seed example.
        """
        return f"seed {self.number or f'{seed}.{place}'}"


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
class Work:
    """A work that a leaf's content comes from, as attribution.txt names it; "" for what is not stated.

    Attributes:
        link: its address, or where it is in the leaf's folder.
        licence: an SPDX identifier or expression, unless lint was overruled.
    """

    title: str = ""
    link: str = ""
    licence: str = ""
    creators: str = ""


@dataclass(frozen=True)
class ExamQuestion:
    """A held-out question: never shown to the teacher model, never used for training.

    Attributes:
        expected: for a seed example that was set apart, its answer; half of its key words are enough.
        context: for such a seed example of a grounded skill, its context.
    """

    question: str
    marking: Marking
    expected: str = ""
    context: str | None = None


@dataclass(frozen=True)
class Leaf:
    """A leaf of the taxonomy.

    Attributes:
        path: the folder below the taxonomy's root, with slashes; it is also the leaf's name.
        grounded: whether the leaf is a skill with a context in its seed examples.
        description: `task_description`, or `document_outline` for knowledge.
        attribution: the works that the content comes from; no sample depends on them.
        set_apart: whether the exam consists of seed examples, since there is no exam.yaml; they are not in
            `seeds` any more.
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
    attribution: tuple[Work, ...] = ()
    set_apart: bool = False

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
