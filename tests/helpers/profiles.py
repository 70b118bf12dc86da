"""Profiles of a repository's own, for tests."""

from pathlib import Path


def write_profile(
    folder: Path, name: str, machine: str = "gpus: 0", deepspeed: str = "", train: str = "processes: 1"
) -> Path:
    """Write a profile into a folder's runners/; each part is the inside of a YAML mapping in one line."""
    file = folder / "runners" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    parts = [f"machine: {{{machine}}}", "vllm: {}", f"train: {{{train}}}"]
    file.write_text("\n".join([*parts, f"deepspeed: {deepspeed}" if deepspeed else "", ""]))
    return file
