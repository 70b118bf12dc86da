"""The passages of a taxonomy's documents with their vectors, for retrieval."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from bot.config.recipe import Recipe
from bot.core.progress import step
from bot.core.step import RESULT, Inputs, make
from bot.core.store import Entry, Store
from bot.generate.passages import passages_of
from bot.generate.pipeline_files import Pipeline, pipeline_named
from bot.inference.encoder import encoder_revision, open_encoder
from bot.taxonomy.documents import has_private_documents, markdown_of
from bot.taxonomy.leaf import Document, Leaf

FILE = "passages.parquet"
_TEXTS, _VECTORS = "passages.json", "vectors.npy"


@dataclass(frozen=True)
class DocumentInputs(Inputs):
    """Everything that the passages and vectors of one document depend on.

    Attributes:
        text: the SHA-256 of the document's Markdown.
        chunk: maximum number of tokens of a passage; 0 if each paragraph is one.
        tokenizer: the model whose tokenizer counts them; "" if nothing is counted.
        encoder: the name and the revision of the encoder.
    """

    STEP: ClassVar[str] = "embedded-document"
    VERSION: ClassVar[int] = 1

    text: str
    chunk: int
    tokenizer: str
    encoder: tuple[str, str]


@dataclass(frozen=True)
class _Part:
    """A document of the file, and the key of its vectors."""

    leaf: str
    document: str
    revision: str
    licence: str
    key: str


@dataclass(frozen=True)
class PassagesInputs(Inputs):
    """Everything that the file of all passages depends on."""

    STEP: ClassVar[str] = "passages"
    VERSION: ClassVar[int] = 1

    parts: Sequence[_Part]
    encoder: tuple[str, str]


@step("embedding passages of the documents")
def taxonomy_passages(leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> Entry | None:
    """Return the entry with the file of all passages, named FILE; None if there is no passage.

    Only documents that were not embedded before are embedded. Those of private repositories are left out: a
    release would show them to everybody.
    """
    name = recipe.retrieval.encoder
    encoder = (name, encoder_revision(name))
    pipeline = pipeline_named("knowledge", recipe.generate.pipeline, recipe.teacher.model)
    entries, parts = [], []
    for leaf in (leaf for leaf in leaves if not has_private_documents(leaf, recipe.documents)):
        for document in leaf.documents:
            entry = _embedded(document, pipeline, encoder, store)
            if entry.facts["passages"]:
                entries.append(entry)
                parts.append(
                    _Part(leaf.path, document.name, _revision(leaf, document), _licence(leaf), entry.key)
                )
    if not parts:
        return None
    inputs = PassagesInputs(parts, encoder)
    return make(inputs, store, partial(_write, inputs=inputs, entries=entries))


def _embedded(document: Document, pipeline: Pipeline, encoder: tuple[str, str], store: Store) -> Entry:
    """Return the entry with the passages and vectors of a document."""
    text = hashlib.sha256(markdown_of(document).encode()).hexdigest()
    tokenizer = pipeline.model if pipeline.chunk else ""

    def write(work: Path) -> dict[str, int]:
        import json

        import numpy as np

        texts = passages_of(document, pipeline)
        (work / RESULT).mkdir(exist_ok=True)
        (work / RESULT / _TEXTS).write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
        vectors = open_encoder(encoder[0]).passages(texts) if texts else np.zeros((0, 1), np.float32)
        np.save(work / RESULT / _VECTORS, vectors)
        return {"passages": len(texts)}

    return make(DocumentInputs(text, pipeline.chunk, tokenizer, encoder), store, write)


def _write(work: Path, inputs: PassagesInputs, entries: Sequence[Entry]) -> dict[str, int]:
    """Write the file of all passages; one document is in memory at a time."""
    import numpy as np

    from bot.inference.passages import DocumentPassages, PassageWriter

    dimensions = np.load(entries[0].checked_file(_VECTORS)).shape[1]
    with PassageWriter(work / RESULT / FILE, inputs.encoder, dimensions) as writer:
        for part, entry in zip(inputs.parts, entries, strict=True):
            vectors = np.load(entry.checked_file(_VECTORS), allow_pickle=False)
            texts = entry.read_json(_TEXTS)
            writer.add(
                DocumentPassages(part.leaf, part.document, part.revision, part.licence, texts, vectors)
            )
    return {"passages": sum(entry.facts["passages"] for entry in entries)}


def _revision(leaf: Leaf, document: Document) -> str:
    """Return the commit of the repository that a document is from, else the SHA-256 of its text."""
    if leaf.source is not None and leaf.source.repo != ".":
        return leaf.source.commit
    return hashlib.sha256(document.text.encode()).hexdigest()


def _licence(leaf: Leaf) -> str:
    """Return the licences of a leaf's works as one SPDX expression; "" if none is stated."""
    found = dict.fromkeys(work.licence for work in leaf.attribution if work.licence)
    return " AND ".join(f"({one})" if " OR " in one and len(found) > 1 else one for one in found)
