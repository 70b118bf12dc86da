"""Teachers: a batch of requests in, responses as they finish out."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.models import model_name, model_revision
from bot.profiles import vllm_answers, vllm_profile
from bot.recipe import Recipe


@dataclass(frozen=True)
class Request:
    """One thing asked of a teacher.

    Attributes:
        messages: (role, content) turns; the last is the user's. Examples go before as earlier turns.
        begin: how the answer begins; the response goes on from there and is given with it.
        temperature: 0 takes the likeliest word each time.
        one_line: the answer ends with its line.
        schema: the JSON schema of the answer, for engines that can hold to one; others are read tolerantly.
        names: words to be spelt as they are here, once their first letters stand there. Small models
            garble names that they have never seen. An engine that cannot see to it leaves it.
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
    """What the teacher said to the request of that index.

    Attributes:
        finished: it came to an end of its own, and was not cut at `max_new_tokens`.
        tokens: how many it wrote.
        failure: why there is no answer; the text is empty then.
        again: whether another run may have it.
    """

    index: int
    text: str
    finished: bool
    tokens: int
    failure: str = ""
    again: bool = False


AT_ONCE = 8
"""Leaves that an engine which answers many requests side by side is fed from, so that it never waits."""


class Teacher(Protocol):
    """Any engine. The same requests in the same order get the same responses.

    Attributes:
        at_once: how many threads may ask it at once, to its gain.
    """

    at_once: int

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Responses in the order in which they finish."""
        ...

    def close(self) -> None:
        """Give back what it holds; asked again, it starts anew."""
        ...


def open_teacher(recipe: Recipe) -> Teacher:
    """The recipe's teacher; nothing is loaded before it is first asked."""
    stated = recipe.teacher
    if stated.engine == "openai":
        from bot.teachers.endpoint import EndpointTeacher

        key = os.environ.get("OPENAI_API_KEY", "")
        return EndpointTeacher(
            stated.url,
            stated.model,
            key,
            most=stated.requests,
            budget=stated.tokens,
            continues=stated.continues,
            structured=stated.structured,
        )
    if stated.engine == "vllm":
        from bot.teachers.vllm import VllmTeacher

        return VllmTeacher(stated.model, vllm_profile(stated.profile, recipe.folder), recipe.seed)
    from bot.teachers.local import TransformersTeacher

    return TransformersTeacher(stated.model, stated.batch, recipe.seed)


def teacher_model(recipe: Recipe) -> dict[str, str]:
    """The teacher's name and revision. Behind an endpoint nobody knows which it is; then the name is both."""
    model = recipe.teacher.model
    if recipe.teacher.engine == "openai":
        return {"name": model, "revision": model}
    return {"name": model_name(model), "revision": model_revision(model)}


def teacher_inputs(recipe: Recipe) -> dict[str, Any]:
    """What of the teacher its samples depend on, for keys: neither where it is, nor how fast it is asked."""
    stated = recipe.teacher
    known: dict[str, Any] = {
        "engine": stated.engine,
        "temperature": stated.temperature,
        **teacher_model(recipe),
    }
    if stated.engine == "vllm":
        # Left out where there is nothing of the kind, as in the profile `gpu`.
        arguments = vllm_answers(stated.profile, recipe.folder)
        return known | {"arguments": arguments} if arguments else known
    # In this process an answer may differ with what else is in its batch.
    return known | {"batch": stated.batch} if stated.engine == "transformers" else known
