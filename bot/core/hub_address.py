"""The address of the Hugging Face Hub, and how long to wait for it."""

import os

SILENCE_S = 120
"""Seconds without a byte from the Hub after which a request has failed."""


def endpoint() -> str:
    """Return the Hub's URL from HF_ENDPOINT, read at each call: huggingface_hub reads it only at import."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def limit_waiting() -> None:
    """Let requests of huggingface_hub fail after SILENCE_S without a byte; otherwise they never end."""
    from huggingface_hub import get_session

    get_session().timeout = SILENCE_S
