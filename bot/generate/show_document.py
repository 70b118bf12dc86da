"""Show a leaf's documents as they are taught: their plain text, cut into passages."""

from collections.abc import Iterator
from pathlib import Path

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.generate.passages import passages_of
from bot.generate.pipeline_files import pipeline_named
from bot.lint.leaf_view import LeafView
from bot.taxonomy.documents import DocumentError, doubts_of, markdown_of, read_documents
from bot.taxonomy.leaf import Document
from bot.taxonomy.tree import leaves_of
from bot.text.read_markdown import read


def documents_as_taught(
    repository: Path, name: str, recipe: Recipe
) -> Iterator[tuple[Document, list[str], list[str]]]:
    """Yield each document of a leaf, its passages, and what is uncertain in it.

    The rest of the leaf's qna.yaml may still have mistakes.

    Args:
        repository: the checkout.
        name: the leaf's path, with or without the taxonomy's folder.

    Raises:
        UserError: there is no such leaf, it has no documents, or one of them cannot be used.
    """
    files, leaf = recipe.taxonomy.on_disk(repository), recipe.taxonomy.leaf(name)
    if leaf not in leaves_of(files):
        raise UserError(f"no such leaf: {leaf}; name it by its path, such as knowledge/science/birds")
    source = LeafView(files, leaf).source
    if source is None:
        raise UserError(f"{leaf}/qna.yaml: no documents; `document` names them in knowledge leaves")
    try:
        documents = read_documents(files, leaf, source, recipe.documents)
    except DocumentError as error:
        raise UserError(f"{leaf}/qna.yaml: {error}; {error.hint}") from None
    pipeline = pipeline_named("knowledge", recipe.generate.pipeline, recipe.teacher.model)
    for document in documents:
        doubts = [
            f"{document.name}:{doubt.line}: {doubt.message}; {doubt.hint}" for doubt in doubts_of(document)
        ]
        if not pipeline.chunk and any(
            block.kind in ("table", "code") for block in read(markdown_of(document))
        ):
            doubts.append(f"{document.name}: this pipeline teaches no tables and no code")
        yield document, passages_of(document, pipeline), doubts
