"""The interface of inference engines: requests in, responses out as they finish."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Request:
    """A request to a model.

    Attributes:
        messages: (role, content) turns; the last is the user's. Few-shot examples are earlier turns.
        max_new_tokens: maximum number of tokens to generate.
        temperature: sampling temperature; 0 is greedy decoding.
        begin: a prefix of the answer, which the model continues; the response includes it.
        one_line: stop at the first line break.
        names: words that the model must complete in this spelling once it has written their first letters,
            since small models misspell names that they have never seen. Engines may ignore this.
        schema: JSON schema of the answer, for engines with structured output; other engines ignore it.
    """

    messages: tuple[tuple[str, str], ...]
    max_new_tokens: int
    temperature: float
    begin: str = ""
    one_line: bool = True
    names: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Response:
    """The response to the request with the same index.

    Attributes:
        index: index of the request in the call.
        text: the answer, including `Request.begin`; empty after a failure.
        finished: whether the model ended the answer itself, rather than reaching `max_new_tokens`.
        tokens: number of generated tokens.
        failure: why there is no answer; "" if there is one.
        again: whether the request may succeed in another run.
    """

    index: int
    text: str
    finished: bool
    tokens: int
    failure: str = ""
    again: bool = False


AT_ONCE = 8
"""How many leaves send requests in parallel to an engine with large batches, so that it is never idle."""


class Engine(Protocol):
    """An inference engine.

    Attributes:
        at_once: number of threads that should call `complete` in parallel.
    """

    at_once: int

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Yield responses in the order in which they finish."""
        ...

    def close(self) -> None:
        """Release the model and other resources; the next call of `complete` loads them again."""
        ...
