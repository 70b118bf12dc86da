"""Any OpenAI-compatible endpoint as the teacher: as many requests side by side as it bears, and none is lost.

A request that fails for a while is made again; one that cannot be had is a response that says why. What is
wrong for all of them (the key, the model's name) ends at once.
"""

import asyncio
import json
import queue
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.errors import UserError
from bot.teachers import AT_ONCE, Request, Response
from bot.teachers.width import Width

if TYPE_CHECKING:
    from concurrent.futures import Future

    from openai import APIStatusError, AsyncOpenAI

TRIES = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
BROKEN_AFTER = 8
"""So many requests in a row that were given up, and the endpoint is not asked any more."""
LONGEST_TEXT = 100_000
"""Characters of an answer; the teacher was asked for a few lines."""
CHARACTERS_A_TOKEN = 4
"""Where the endpoint does not say how many tokens it took."""


class _Passing(Exception):
    """A failure that may pass; the message says which.

    Args:
        wait_s: how long the endpoint wants to be left alone, if it said so.
        overload: whether it was asked too much at once.
        refused: whether it said so itself, and need not be waited for long to know.
    """

    def __init__(
        self, why: str, wait_s: float = 0.0, *, overload: bool = False, refused: bool = False
    ) -> None:
        super().__init__(why)
        self.wait_s, self.overload, self.refused = wait_s, overload or refused, refused


class _GivenUp(Exception):
    """A request that is given up; the message says why.

    Args:
        again: whether another run may have it.
    """

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


@dataclass(eq=False)
class _State:
    """What the requests of one call share; for its width it is the call."""

    width: Width
    failed_in_a_row: int = 0
    reason: str = ""


class EndpointTeacher:
    """A model behind HTTP; several threads may ask it at once.

    Args:
        url: as far as before `/chat/completions`, such as `http://127.0.0.1:8000/v1`.
        key: the API key; empty where none is asked for.
        most: requests under way at once.
        budget: tokens, read and written, that may be spent in all; 0 for any number.
        timeout_s: how long the endpoint may be silent.
        continues: it goes on from a last message of the assistant's (vLLM's `continue_final_message`).
            Others are told how to begin, and may begin otherwise.
        structured: it holds its answers to a JSON schema where one is given.
    """

    at_once = AT_ONCE

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        *,
        most: int = 64,
        budget: int = 0,
        timeout_s: float = 120.0,
        continues: bool = False,
        structured: bool = False,
    ) -> None:
        self.url, self.model, self.key = url, model, key
        self.most, self.budget, self.timeout_s = most, budget, timeout_s
        self.continues, self.structured = continues, structured
        self.spent = 0
        self._calls: set[Future[None]] = set()
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: AsyncOpenAI | None = None
        self._width: Width | None = None

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Responses as they finish; a request that could not be had has an empty one with its `failure`.

        Raises:
            UserError: the endpoint refuses all requests: the key or the model is wrong.
        """
        if not requests:
            return
        arrived: queue.SimpleQueue[Response | BaseException | None] = queue.SimpleQueue()
        done = asyncio.run_coroutine_threadsafe(self._all(requests, arrived), self._running())
        self._calls.add(done)
        done.add_done_callback(lambda future: arrived.put(_error(future)))
        done.add_done_callback(self._calls.discard)
        while (one := arrived.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one

    def close(self) -> None:
        """End the connections."""
        with self._starting:
            for call in list(self._calls):
                call.cancel()
            if self._loop is not None and self._client is not None:
                asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = self._client = None

    def _running(self) -> asyncio.AbstractEventLoop:
        """The loop in which all requests are made, whoever asks: they share its connections and its width."""
        from openai import AsyncOpenAI

        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._width = Width(self.most)
                self._client = AsyncOpenAI(
                    base_url=self.url, api_key=self.key or "none", max_retries=0, timeout=self.timeout_s
                )
                threading.Thread(target=self._loop.run_forever, name="teacher", daemon=True).start()
            return self._loop

    async def _all(self, requests: Sequence[Request], arrived: "queue.SimpleQueue[Any]") -> None:
        assert self._client and self._width  # noqa: S101 made with the loop
        state = _State(self._width)
        async with asyncio.TaskGroup() as group:
            for index, request in enumerate(requests):
                group.create_task(self._one(self._client, state, index, request, arrived))

    async def _one(
        self,
        client: "AsyncOpenAI",
        state: _State,
        index: int,
        request: Request,
        arrived: "queue.SimpleQueue[Any]",
    ) -> None:
        async with state.width.place(state):
            try:
                response = await self._until_it_is_there(client, state, index, request)
                state.failed_in_a_row = 0
            except _GivenUp as failure:
                state.failed_in_a_row += failure.again
                state.reason = state.reason or str(failure)
                response = Response(index, "", False, 0, str(failure), failure.again)
        arrived.put(response)

    async def _until_it_is_there(
        self, client: "AsyncOpenAI", state: _State, index: int, request: Request
    ) -> Response:
        why = ""
        for number in range(TRIES):
            if self.budget and self.spent >= self.budget:
                raise _GivenUp(f"the budget of {self.budget} tokens is spent", again=True)
            if state.failed_in_a_row >= BROKEN_AFTER:
                reason = f"not asked: {BROKEN_AFTER} requests in a row failed; {state.reason}"
                raise _GivenUp(reason, again=True)
            try:
                response = await self._ask(client, index, request)
            except _Passing as failure:
                why = str(failure)
                if failure.overload:
                    state.width.overloaded()
                pause = max(failure.wait_s, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**number))
                # All that were refused at once must not come back at once.
                async with state.width.aside() if failure.refused else nullcontext():
                    await asyncio.sleep(pause * random.uniform(1.0, 1.5))  # noqa: S311
            else:
                state.width.succeeded(response.tokens)
                return response
        raise _GivenUp(f"{why}, {TRIES} times", again=True)

    async def _ask(self, client: "AsyncOpenAI", index: int, request: Request) -> Response:
        import openai

        try:
            answer = await client.chat.completions.with_raw_response.create(**self._body(request))
            data = json.loads(answer.text)
        except openai.APITimeoutError:
            raise _Passing(f"no answer within {self.timeout_s:g} s", overload=True) from None
        except openai.APIConnectionError as error:
            raise _Passing(f"the connection failed ({type(error.__cause__ or error).__name__})") from None
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except ValueError:
            raise _Passing("the answer was no JSON") from None
        return self._read(index, request, data)

    def _body(self, request: Request) -> dict[str, Any]:
        messages = [{"role": role, "content": text} for role, text in request.messages]
        more: dict[str, Any] = {}
        if request.begin and self.continues:
            messages.append({"role": "assistant", "content": request.begin})
            more = {"continue_final_message": True, "add_generation_prompt": False}
        elif request.begin:
            messages[-1]["content"] += f"\n\nBegin your answer with: {request.begin}"
        if request.schema and self.structured:
            form = {"name": "answer", "schema": request.schema}
            more["response_format"] = {"type": "json_schema", "json_schema": form}
        return {
            "model": self.model,
            "messages": messages,
            "max_tokens": request.max_new_tokens,
            "temperature": request.temperature,
            "stop": ["\n"] if request.one_line else None,
            "extra_body": more,
        }

    def _refusal(self, error: "APIStatusError") -> Exception:
        """What a status means: for this request, for a while, or for all there are."""
        status, said = error.status_code, _line(error.message)
        if status in (401, 403):
            return UserError(f"{self.url}: the teacher says {status}: OPENAI_API_KEY is wrong or missing")
        if status == 404:
            return UserError(f"{self.url}: the teacher says 404: is {self.model} the name of a model there?")
        if status in (408, 409, 429) or status >= 500:
            wait = error.response.headers.get("retry-after", "")
            seconds = float(wait) if wait.replace(".", "", 1).isdecimal() else 0.0
            return _Passing(f"the teacher says {status}", min(seconds, 60.0), refused=status in (429, 503))
        return _GivenUp(f"the teacher says {status}: {said}", again=False)

    def _read(self, index: int, request: Request, data: Any) -> Response:
        """A response from the body, which the endpoint may have filled as it liked."""
        try:
            usage = data.get("usage") or {}
            choice = data["choices"][0]
            text, reason = choice["message"]["content"], choice.get("finish_reason")
        except (AttributeError, IndexError, KeyError, TypeError):
            raise _Passing("the answer had no choices") from None
        if not isinstance(text, str):
            raise _Passing("the answer had no text")
        written = usage.get("completion_tokens") if isinstance(usage, dict) else None
        tokens = written if isinstance(written, int) else len(text) // CHARACTERS_A_TOKEN
        read = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        self.spent += tokens + (read if isinstance(read, int) else 0)
        if len(text) > LONGEST_TEXT:
            raise _GivenUp(f"an answer of {len(text):,} characters", again=False)
        if request.one_line:
            text = text.lstrip("\n").partition("\n")[0]
        if request.begin and self.continues:
            text = request.begin + text
        return Response(index, text.strip(), reason == "stop", tokens)


def _error(done: "Future[None]") -> BaseException | None:
    """Why all requests of a call came to an end before their time, if they did."""
    if done.cancelled():
        return UserError("the teacher was closed")
    error = done.exception()
    # Of the tasks; one of them speaks for all.
    return error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
