"""An engine for OpenAI-compatible endpoints, with adaptive concurrency and retries.

Temporary failures are retried. A request that still fails gets a response with its `failure`. Errors that
affect all requests, such as a wrong key or model name, are raised at once.
"""

import asyncio
import json
import queue
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.core.errors import UserError
from bot.inference.concurrency import Width
from bot.inference.engine import AT_ONCE, Request, Response

if TYPE_CHECKING:
    from concurrent.futures import Future

    from openai import APIStatusError, AsyncOpenAI

TRIES = 5
FIRST_WAIT_S, LONGEST_WAIT_S, DOWN_WAIT_S = 0.5, 30.0, 1.0
BROKEN_AFTER = 8
"""After this many failed requests in a row, no further requests are sent."""
LONGEST_TEXT = 100_000
"""Maximum number of characters of an answer; a few lines were requested."""
CHARACTERS_A_TOKEN = 4
"""For an estimate where the endpoint does not report token usage."""


class _Passing(Exception):
    """A temporary failure, which is retried.

    Args:
        why: description of the failure.
        wait_s: seconds to wait, from the Retry-After header; 0 if there is none.
        down: whether the endpoint could not be reached.
        overload: whether the failure may be due to too many parallel requests.
        refused: whether the endpoint rejected the request because of its load (429, 503); implies overload.
    """

    def __init__(
        self,
        why: str,
        wait_s: float = 0.0,
        *,
        down: bool = False,
        overload: bool = False,
        refused: bool = False,
    ) -> None:
        super().__init__(why)
        self.wait_s, self.down, self.overload, self.refused = wait_s, down, overload or refused, refused


class _GivenUp(Exception):
    """A request that is not retried any more.

    Args:
        why: description of the failure.
        again: whether the request may succeed in another run.
    """

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


@dataclass(eq=False)
class _State:
    """State that the requests of one call of `complete` share; also identifies the call to `Width`."""

    width: Width
    failed_in_a_row: int = 0
    reason: str = ""


class OpenAIEngine:
    """A model behind an HTTP endpoint; thread-safe.

    Args:
        url: base URL without `/chat/completions`, such as `http://127.0.0.1:8000/v1`.
        model: name of the model at the endpoint.
        key: the API key; empty if the endpoint does not need one.
        most: maximum number of parallel requests.
        budget: maximum number of prompt and completion tokens in total; 0 for no limit.
        timeout_s: timeout of a request in seconds.
        continues: whether the endpoint continues a final assistant message (vLLM's
            `continue_final_message`). Otherwise the prompt asks for the beginning, which may be ignored.
        structured: whether the endpoint supports structured output by JSON schema.
        patience_s: seconds that a request waits for an endpoint that cannot be reached, such as a server that
            is being restarted; 0 counts that like any other temporary failure.
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
        patience_s: float = 0.0,
    ) -> None:
        self.url, self.model, self.key = url, model, key
        self.most, self.budget, self.timeout_s = most, budget, timeout_s
        self.continues, self.structured, self.patience_s = continues, structured, patience_s
        self.spent = 0
        self._calls: set[Future[None]] = set()
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: AsyncOpenAI | None = None
        self._width: Width | None = None

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Yield responses as they finish; the response of a failed request is empty and has a `failure`.

        Raises:
            UserError: the key or the model's name is wrong, so that all requests fail.
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
        """Cancel running requests and close the connections."""
        with self._starting:
            for call in list(self._calls):
                call.cancel()
            if self._loop is not None and self._client is not None:
                asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = self._client = None

    def _running(self) -> asyncio.AbstractEventLoop:
        """Return the event loop for the requests of all threads, which share connections and the width."""
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
        assert self._client and self._width  # noqa: S101 created together with the loop
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
        why, tries, reached = "", 0, time.monotonic()
        while tries < TRIES:
            if self.budget and self.spent >= self.budget:
                raise _GivenUp(f"the budget of {self.budget} tokens is spent", again=True)
            if state.failed_in_a_row >= BROKEN_AFTER:
                reason = f"not sent: {BROKEN_AFTER} requests in a row failed; {state.reason}"
                raise _GivenUp(reason, again=True)
            try:
                response = await self._ask(client, index, request)
            except _Passing as failure:
                why = str(failure)
                if failure.down and time.monotonic() - reached < self.patience_s:
                    await _sleep(DOWN_WAIT_S)
                    continue
                reached = reached if failure.down else time.monotonic()
                if failure.overload:
                    state.width.overloaded()
                async with state.width.aside() if failure.refused else nullcontext():
                    await _sleep(max(failure.wait_s, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**tries)))
                tries += 1
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
            why = f"the connection failed ({type(error.__cause__ or error).__name__})"
            raise _Passing(why, down=True) from None
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except ValueError:
            raise _Passing("the teacher's response was not JSON") from None
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
        """Convert an HTTP error status to an exception: to retry, for this request, or for all requests."""
        status, message = error.status_code, _line(error.message)
        if status in (401, 403):
            return UserError(
                f"{self.url}: the teacher returned {status}: OPENAI_API_KEY is wrong or missing; set it"
            )
        if status == 404:
            return UserError(
                f"{self.url}: the teacher returned 404: check the URL and the model's name, {self.model}"
            )
        if status in (408, 409, 429) or status >= 500:
            wait = error.response.headers.get("retry-after", "")
            seconds = float(wait) if wait.replace(".", "", 1).isdecimal() else 0.0
            return _Passing(
                f"the teacher returned {status}", min(seconds, 60.0), refused=status in (429, 503)
            )
        return _GivenUp(f"the teacher returned {status}: {message}", again=False)

    def _read(self, index: int, request: Request, data: Any) -> Response:
        """Convert a response body, which may be malformed, to a response."""
        try:
            usage = data.get("usage") or {}
            choice = data["choices"][0]
            text, reason = choice["message"]["content"], choice.get("finish_reason")
        except (AttributeError, IndexError, KeyError, TypeError):
            raise _Passing("the teacher's response had no choices") from None
        if not isinstance(text, str):
            raise _Passing("the teacher's response had no text")
        written = usage.get("completion_tokens") if isinstance(usage, dict) else None
        tokens = written if isinstance(written, int) else len(text) // CHARACTERS_A_TOKEN
        read = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        self.spent += tokens + (read if isinstance(read, int) else 0)
        if len(text) > LONGEST_TEXT:
            raise _GivenUp(
                f"the answer has {len(text):,} characters; at most {LONGEST_TEXT:,} are allowed", again=False
            )
        if request.one_line:
            text = text.lstrip("\n").partition("\n")[0]
        if request.begin and self.continues:
            text = request.begin + text
        return Response(index, text.strip(), reason == "stop", tokens)


async def _sleep(seconds: float) -> None:
    """Sleep for a random while, so that requests refused together are not all retried together."""
    await asyncio.sleep(seconds * random.uniform(1.0, 1.5))  # noqa: S311


def _error(done: "Future[None]") -> BaseException | None:
    """Return the exception that ended a call early, or None."""
    if done.cancelled():
        return UserError("the teacher was closed")
    error = done.exception()
    # The task group collects the exceptions of all its tasks; report the first.
    return error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
