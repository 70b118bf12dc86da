"""Teachers: a batch of requests in, responses as they finish out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.errors import UserError
from bot.recipe import Recipe


@dataclass(frozen=True)
class Request:
    """One thing asked of a teacher.

    Attributes:
        messages: (role, content) turns; the last is the user's. Examples go before as earlier turns.
        begin: how the answer begins; the response goes on from there and is given with it.
        temperature: 0 takes the likeliest word each time.
        one_line: the answer ends with its line.
        names: words to be spelt as they are here, once their first letters stand there. Small models
            garble names that they have never seen. An engine that cannot see to it leaves it.
    """

    messages: tuple[tuple[str, str], ...]
    max_new_tokens: int
    temperature: float
    begin: str = ""
    one_line: bool = True
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Response:
    """What the teacher said to the request of that index.

    Attributes:
        finished: it came to an end of its own, and was not cut at `max_new_tokens`.
        tokens: how many it wrote.
    """

    index: int
    text: str
    finished: bool
    tokens: int


class Teacher(Protocol):
    """Any engine. The same requests in the same order get the same responses."""

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Responses in the order in which they finish."""
        ...


def open_teacher(recipe: Recipe) -> Teacher:
    """The recipe's teacher; nothing is loaded before it is first asked.

    Raises:
        UserError: the engine is not one of those here.
    """
    if recipe.teacher.engine != "transformers":
        raise UserError(f"teacher.engine {recipe.teacher.engine!r}: there is `transformers`")
    from bot.teachers.local import TransformersTeacher

    return TransformersTeacher(recipe.teacher.model, recipe.teacher.batch, recipe.seed)
