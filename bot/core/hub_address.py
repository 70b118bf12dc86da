"""The address of the Hugging Face Hub."""

import os


def endpoint() -> str:
    """Return the Hub's URL from HF_ENDPOINT, read at each call: huggingface_hub reads it only at import."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
