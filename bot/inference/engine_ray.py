"""An engine on the workers of a Ray cluster, each of which holds an engine of its own (a Ray actor).

Ray starts the actors, places them and replaces those that die. Ray Data's LLM processors do not fit: the
teacher's requests depend on its earlier answers, and a batch has to stay whole to be answered as by one
process.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from bot.cluster.connect import cluster_errors, connect
from bot.cluster.nodes import check_nodes, engine_share
from bot.core.errors import UserError
from bot.core.progress import say
from bot.inference.engine import Engine, Request, Response

RESTARTS = 4
"""How often a worker that died is replaced."""
CALLS = 32
"""Concurrent calls of an engine that has many requests under way."""
PATIENCE_S = 300.0
"""Seconds after which a worker that does not answer is asked whether it is alive; some start slowly."""


class RayEngine:
    """Engines on all workers of the cluster; thread-safe. One of them answers a call, as a whole.

    Args:
        open_engine: opens a worker's engine, on the worker; loads no model yet.
        gpus: number of GPUs that an engine needs, if the cluster has GPUs.
        files: files of this machine that the workers read.
    """

    def __init__(self, open_engine: Callable[[], Engine], gpus: int = 1, files: Sequence[Path] = ()) -> None:
        connect()
        check_nodes(files)
        self._open, self._share, at_once = open_engine, engine_share(gpus), open_engine().at_once
        self._calls = 1 if at_once == 1 else CALLS
        self.at_once = at_once * self._share.count
        self._starting = threading.Lock()
        self._actors: list[Any] = []
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()  # actors, or why there are none

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Yield the responses when all of them are there.

        Raises:
            UserError: the engine failed, or its worker died too often.
        """
        if requests:
            yield from self.call("complete", requests)

    def call(self, method: str, asked: Sequence[Any]) -> list[Any]:
        """Return what a method of a worker's engine yields; a worker that does not answer is left out."""
        import ray

        self._start()
        idle = self._idle
        while True:
            actor = idle.get()
            if isinstance(actor, str):
                idle.put(actor)
                raise UserError(f"engine ray: {actor}; what is finished is kept, run again for the rest")
            if not any(one is actor for one in self._actors):
                continue
            with cluster_errors("the engine"):
                answer = actor.answer.remote(method, asked)
                if self._waited(answer, actor):
                    try:
                        found: list[Any] = ray.get(answer)
                    finally:
                        idle.put(actor)
                    return found

    def _waited(self, answer: Any, actor: Any) -> bool:
        """Wait for an answer; return False if the worker is gone, and Ray has no place for another one."""
        import ray

        while not ray.wait([answer], timeout=PATIENCE_S)[0]:
            if not ray.wait([actor.alive.remote()], timeout=PATIENCE_S)[0]:
                self._leave_out(actor)
                return False
        return True

    def _leave_out(self, actor: Any) -> None:
        """Use a worker no more; calls that wait for it try others."""
        import ray

        with self._starting:
            left = [one for one in self._actors if one is not actor]
            if len(left) == len(self._actors):
                return
            self._actors = left
            say(f"engine ray: a worker is gone, {len(left)} are left")
            if not left:
                self._idle.put("no worker is left")
        ray.kill(actor)

    def close(self) -> None:
        """End the workers' engines, which frees the cluster's GPUs for training."""
        import ray

        with self._starting:
            for actor in self._actors:
                ray.kill(actor)
            self._idle.put("it was closed")
            self._actors, self._idle = [], queue.SimpleQueue()

    def _start(self) -> None:
        import ray

        with self._starting:
            if self._actors:
                return
            worker = ray.remote(
                num_cpus=self._share.cpus,
                num_gpus=self._share.gpus,
                max_restarts=RESTARTS,
                max_task_retries=RESTARTS,
                max_concurrency=self._calls + 1,  # one more to ask whether it is alive
                scheduling_strategy="SPREAD",
            )(_Worker)
            self._actors = [worker.remote(self._open) for _ in range(self._share.count)]
            for _ in range(self._calls):
                for actor in self._actors:
                    self._idle.put(actor)


class SpreadEngine:
    """An engine whose answers do not depend on the other requests of a call: all workers share a call.

    Args:
        engine: the workers.
        part: number of requests that a worker gets at a time.
    """

    def __init__(self, engine: RayEngine, part: int) -> None:
        self.engine, self.part, self.at_once = engine, part, 1

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Yield the responses part by part."""
        for first, one in self._parts("complete", requests):
            yield Response(first + one.index, one.text, one.finished, one.tokens, one.failure, one.again)

    def log_probabilities(
        self, given: Sequence[tuple[Sequence[tuple[str, str]], str]]
    ) -> Iterator[tuple[int, float]]:
        """Yield the log-probability of each given answer; see `TransformersEngine`."""
        for first, (index, value) in self._parts("log_probabilities", given):
            yield first + index, value

    def close(self) -> None:
        """End the workers' engines."""
        self.engine.close()

    def _parts(self, method: str, asked: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        pool = ThreadPoolExecutor(self.engine.at_once)
        try:
            parts = {
                pool.submit(self.engine.call, method, asked[first : first + self.part]): first
                for first in range(0, len(asked), self.part)
            }
            for part in as_completed(parts):
                for one in part.result():
                    yield parts[part], one
        finally:
            pool.shutdown(cancel_futures=True)


class _Worker:
    """A worker, which runs as a Ray actor."""

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        # Ray prints a worker's output on the driver's, whose stdout is reserved for machine-readable output.
        os.dup2(2, 1)
        self._engine = open_engine()

    def answer(self, method: str, asked: Sequence[Any]) -> list[Any]:
        return list(getattr(self._engine, method)(asked))

    def alive(self) -> bool:
        return True
