"""Results with retrieval for the card: right answers of the base and of the release, with and without it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.inference.models import EMBEDDED


@dataclass(frozen=True)
class Row:
    """The right answers to the same questions.

    Attributes:
        name: path of the leaf; "all" for all together.
        base: of the base without passages.
        tuned: of the release without passages.
        base_found: of the base with passages.
        tuned_found: of the release with passages.
    """

    name: str
    asked: int
    base: int
    tuned: int
    base_found: int
    tuned_found: int

    @property
    def words(self) -> str:
        """A sentence that says what was counted, and no more."""
        counts = {
            "the base without passages": self.base,
            "this model without passages": self.tuned,
            "the base with passages": self.base_found,
            "this model with passages": self.tuned_found,
        }
        most = max(counts.values())
        best = [name for name, count in counts.items() if count == most]
        return (
            f"Of these {self.asked} questions, {' and '.join(best)} answered the most right: {most}. "
            "A difference of a few answers may be chance, and other questions may give another order."
        )


@dataclass(frozen=True)
class RetrievalResult:
    """What a release's card says of retrieval.

    Attributes:
        encoder: the encoder's name without its revision.
        revision: the revision in its name; "" if there is none.
        passages: number of passages that are given with a question.
    """

    rows: tuple[Row, ...]
    encoder: str
    revision: str
    passages: int

    @property
    def embedded(self) -> bool:
        return self.encoder == EMBEDDED

    @property
    def package(self) -> str:
        """The package that has the encoder."""
        return "wordllama" if self.embedded else "sentence-transformers"

    @property
    def total(self) -> Row:
        """All leaves together."""
        names = ("asked", "base", "tuned", "base_found", "tuned_found")
        return Row("all", *(sum(getattr(row, name) for row in self.rows) for name in names))


def retrieval_result(manifest: Mapping[str, Any]) -> RetrievalResult | None:
    """Return the results with retrieval in a manifest; None if there are none."""
    rows = tuple(_row(leaf) for leaf in manifest["leaves"] if "retrieval" in leaf)
    if not rows:
        return None
    settings = manifest["recipe"]["retrieval"]
    name, _, revision = str(settings["encoder"]).partition("@")
    return RetrievalResult(rows, name, revision, settings["passages"])


def _row(leaf: Mapping[str, Any]) -> Row:
    found, alone = leaf["retrieval"], leaf["exam"]["after"]
    return Row(
        leaf["path"],
        found["base"]["asked"],
        found["base_alone"]["right"],
        alone["right"],
        found["base"]["right"],
        found["tuned"]["right"],
    )
