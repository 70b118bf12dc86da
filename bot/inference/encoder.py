"""Encoders: models that turn passages and questions into vectors, so that similar texts have similar vectors.

`embedded` is WordLlama (MIT), whose package on PyPI holds the weights: one vector for each token, and their
mean for a text. Every other name is a model of sentence-transformers.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.core.errors import UserError
from bot.inference.models import EMBEDDED, hush, model_revision

if TYPE_CHECKING:
    import numpy as np

WEIGHTS = "weights/l2_supercat_256.safetensors"
SHA256 = "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"
LONGEST = 8_000
"""The number of characters of a text that are embedded."""
AT_ONCE = 16
"""The number of texts that are embedded together, each padded to the longest."""


class Encoder(Protocol):
    """A model that embeds texts.

    Attributes:
        name: `embedded`, a folder, or org/name@revision.
        revision: the unique ID of its weights.
    """

    name: str
    revision: str

    def passages(self, texts: Sequence[str]) -> "np.ndarray[Any, Any]":
        """Return a row of length 1 (or 0 for a text without known words) in float32 for each passage."""
        ...

    def question(self, text: str) -> "np.ndarray[Any, Any]":
        """Return the vector of a question."""
        ...


def encoder_revision(name: str) -> str:
    """Return the unique ID of an encoder's weights, for store keys; does not load the encoder."""
    return SHA256[:32] if name == EMBEDDED else model_revision(name)


@cache
def open_encoder(name: str) -> Encoder:
    """Load an encoder.

    Args:
        name: `embedded`, a folder, or org/name@revision on the Hub.

    Raises:
        UserError: its package is not installed, or there is no such model.
    """
    return _Embedded() if name == EMBEDDED else _SentenceTransformer(name)


class _Embedded:
    """WordLlama with the weights in its package; it never downloads anything."""

    name, revision = EMBEDDED, SHA256[:32]

    def __init__(self) -> None:
        try:
            import wordllama
        except ImportError as error:
            raise UserError(f"retrieval: {error}; install the extra `rag`") from None
        folder = Path(wordllama.__file__).parent
        if hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() != SHA256:
            raise UserError(
                "retrieval: the installed wordllama has other weights; install the version in constraints.txt"
            )
        self._model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)

    def passages(self, texts: Sequence[str]) -> "np.ndarray[Any, Any]":
        return _unit(self._model.embed([text[:LONGEST] for text in texts], batch_size=AT_ONCE))

    def question(self, text: str) -> "np.ndarray[Any, Any]":
        found: np.ndarray[Any, Any] = self.passages([text])[0]
        return found


class _SentenceTransformer:
    """A model of sentence-transformers, on the GPU if there is one."""

    def __init__(self, name: str) -> None:
        hush()
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise UserError(f"retrieval: {error}; install the extra `sentence-transformers`") from None
        self.name, self.revision = name, model_revision(name)
        place, _, revision = (name, "", "") if Path(name).is_dir() else name.partition("@")
        try:
            self._model = SentenceTransformer(place, revision=revision or None, trust_remote_code=False)
        except (OSError, ValueError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"retrieval: cannot load the encoder {name}: {reason}; name another one in retrieval.encoder"
            ) from None

    def passages(self, texts: Sequence[str]) -> "np.ndarray[Any, Any]":
        return _unit(self._model.encode_document([text[:LONGEST] for text in texts], batch_size=AT_ONCE))

    def question(self, text: str) -> "np.ndarray[Any, Any]":
        found: np.ndarray[Any, Any] = _unit(self._model.encode_query([text[:LONGEST]]))[0]
        return found


def _unit(vectors: Any) -> "np.ndarray[Any, Any]":
    """Return rows of length 1 in float32; a row of zeros or NaN becomes zeros."""
    import numpy as np

    rows = np.nan_to_num(np.asarray(vectors, dtype=np.float32))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: np.ndarray[Any, Any] = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
