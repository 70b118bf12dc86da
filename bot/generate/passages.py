"""The passages of a document, as the generator cuts it."""

from bot.core.errors import UserError
from bot.generate.pipeline_files import Pipeline
from bot.taxonomy.documents import markdown_of
from bot.taxonomy.leaf import Document
from bot.text.analysis import paragraphs


def passages_of(document: Document, pipeline: Pipeline) -> list[str]:
    """Return the passages of a document; a pipeline without a passage length takes each paragraph as one.

    Raises:
        UserError: the package that splits documents is not installed.
    """
    if not pipeline.chunk:
        return paragraphs(markdown_of(document))
    try:
        from bot.generate.chunks import chunks

        return chunks(markdown_of(document), pipeline.chunk, pipeline.model)
    except ImportError as error:
        raise UserError(f"passages: {error}; install the extra `train`") from None
