"""Retrieval: the passages that are most like a question, and the request that is made of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.core.errors import UserError
from bot.inference.encoder import Encoder

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "retrieval/passages.parquet"
"""The name of the file of passages in a release."""
LONGEST = 2_000
"""The number of bytes of a passage that a model is given."""


@dataclass(frozen=True)
class Passage:
    """A passage that was found.

    Attributes:
        document: the name of the document.
        position: the passage's number in the document, from 1.
    """

    leaf: str
    document: str
    position: int
    text: str

    @property
    def place(self) -> str:
        """Where the passage is, such as velmora.md#2."""
        return f"{self.document}#{self.position}"


class Shelf:
    """Passages that can be searched: a table of LanceDB in memory.

    Args:
        table: as `bot.inference.passages.read_passages` returns it.
        encoder: what made the table's vectors.

    Raises:
        UserError: LanceDB is not installed.
    """

    def __init__(self, table: "pa.Table", encoder: Encoder) -> None:
        try:
            import lancedb
        except ImportError as error:
            raise UserError(f"retrieval: {error}; install the extra `rag`") from None
        self._encoder = encoder
        self._table = lancedb.connect("memory://").create_table("passages", table.replace_schema_metadata())

    def find(self, question: str, count: int) -> list[Passage]:
        """Return the passages that are most like a question, the best first; LanceDB compares all of them."""
        search: Any = self._table.search(self._encoder.question(question))
        found = search.distance_type("dot").limit(count)
        return [
            Passage(row["leaf"], row["document"], row["position"], row["passage"]) for row in found.to_list()
        ]


def with_passages(question: str, passages: Sequence[Passage]) -> str:
    """Return a request to answer a question from passages; each is cut after LONGEST bytes."""
    texts = [passage.text.encode()[:LONGEST].decode(errors="ignore") for passage in passages]
    return "\n\n".join(["Answer the question from these passages.", *texts, f"Question: {question}"])
