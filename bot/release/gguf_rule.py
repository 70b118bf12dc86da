"""Which GGUF files of a release are published: those that answer as the released model does."""

from collections.abc import Mapping
from typing import Any

TYPES = ("f16", "q8_0")
"""The types of the weights, each one file. The first is unquantised: if it is not published, nothing is."""
ALLOWED: Mapping[str, float] = {"f16": 0.02, "q8_0": 0.05}
"""Type -> the largest difference in right answers, as a share of those of the safetensors."""
LEAST_ALLOWED = 1
"""A difference of this many right answers is always allowed: answers can change by rounding."""


def file_name(model: str, out_type: str) -> str:
    """Return the name of a GGUF file.

    Args:
        model: the name of the released model without its owner.
        out_type: one of TYPES.
    """
    return f"{model}-{out_type}.gguf"


def refusal(out_type: str, right: int, expected: int) -> str:
    """Return why a file is not published; "" if it is.

    The unquantised file must have neither fewer nor more right answers than the safetensors, since a
    difference is a mistake of the conversion. A quantised file must not have fewer.

    Args:
        right: number of questions that the file answers right.
        expected: number of the same questions that the safetensors answer right.
    """
    allowed = max(LEAST_ALLOWED, int(ALLOWED[out_type] * expected))
    difference = abs(expected - right) if out_type == TYPES[0] else expected - right
    if difference <= allowed:
        return ""
    most = f"a difference of at most {allowed} is allowed"
    return f"it answers {right} questions right, and the safetensors {expected}; {most}"


def published(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of the GGUF files of a release, the smallest last; none if there are none."""
    return [one["name"] for one in manifest.get("gguf", {}).get("files", ()) if not one["refused"]]
