"""Tiny models of random weights, which train in a moment; the tokenizer is the embedded model's."""

from pathlib import Path

import pytest

from bot.inference.models import load_tokenizer, model_folder
from bot.train.packing import Encoded, encode
from tests.helpers.tiny import CONVERSATIONS, write_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def samples() -> list[Encoded]:
    tokenizer = load_tokenizer(model_folder("embedded"))
    return [encode(messages, tokenizer) for messages in CONVERSATIONS]
