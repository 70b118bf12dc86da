"""llama.cpp in this process: it answers with a GGUF file and the chat template that the file has.

It answers exams and chats; it is no engine for teachers, which continue answers and need log-probabilities.
"""

import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.inference.models import Model

ENDING = ".gguf"
PACKAGE = "xllamacpp"
CONTEXT = 8192
"""Maximum number of tokens of a conversation."""


def names_gguf(model: str) -> bool:
    """Return whether the name of a model is the path of a GGUF file."""
    return model.endswith(ENDING) and Path(model).is_file()


def gguf_model(file: Path) -> Model:
    """Return a GGUF file as a model; the ID of its weights is the SHA-256 of the file."""
    with file.open("rb") as opened:
        return Model(file, hashlib.file_digest(opened, "sha256").hexdigest())


class GgufError(UserError):
    """Raised if a GGUF file cannot be made or used."""


class LlamaCpp:
    """A model in a GGUF file, loaded until `close`.

    Args:
        file: the GGUF file.

    Raises:
        UserError: llama.cpp is not installed.
        GgufError: llama.cpp cannot load the file.
    """

    def __init__(self, file: Path) -> None:
        try:
            import xllamacpp
        except ImportError:
            raise UserError(
                f"{file}: llama.cpp reads GGUF files, and its package {PACKAGE} is not installed; "
                "install arborist-bot with the extra `gguf`"
            ) from None
        settings = xllamacpp.CommonParams()
        settings.model.path = str(file)
        settings.n_ctx = CONTEXT
        settings.use_jinja = True
        settings.n_parallel = 1
        settings.warmup = False
        settings.verbosity = 0
        # The package also listens on a local port. Nobody knows the key.
        settings.api_keys = [secrets.token_hex(32)]
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = _threads()
        self.file = file
        try:
            self._server: Any = xllamacpp.Server(settings)
        except RuntimeError:
            raise GgufError(
                f"{file}: llama.cpp cannot load this file as a model; download it again"
            ) from None

    def answer(self, turns: Sequence[tuple[str, str]], max_new_tokens: int) -> str:
        """Return the answer to a conversation, by greedy decoding.

        Args:
            turns: pairs of role and content; the last is the user's.

        Raises:
            GgufError: llama.cpp refuses the conversation, for example because it is too long.
        """
        request = {
            "messages": [{"role": role, "content": content} for role, content in turns],
            "max_tokens": max_new_tokens,
            "temperature": 0,
            "top_k": 1,
        }
        answered = self._server.handle_chat_completions(request)
        if "error" in answered:
            raise GgufError(f"{self.file}: llama.cpp: {answered['error'].get('message', 'no reason given')}")
        return str(answered["choices"][0]["message"].get("content") or "").strip()

    def close(self) -> None:
        """Release the model."""
        self._server = None


def _threads() -> int:
    """Return the number of threads: OMP_NUM_THREADS, or a thread for each physical core.

    llama.cpp's threads wait for each other in a loop, so more threads than cores take ten times as long.
    """
    stated = os.environ.get("OMP_NUM_THREADS", "")
    return int(stated) if stated.isdecimal() and int(stated) else max(1, (os.cpu_count() or 2) // 2)
