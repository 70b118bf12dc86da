"""Prompts and framings: YAML files of Jinja strings; contributors' text is only ever filled in."""

import hashlib
from functools import cache
from pathlib import Path

import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

FOLDER = Path(__file__).parent / "prompts"
_jinja = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def turns(name: str, **values: str) -> tuple[tuple[str, str], ...]:
    """The conversation in prompts/NAME.yaml, filled in."""
    return tuple(
        (role, _jinja.from_string(text).render(values))
        for turn in _load(name)["turns"]
        for role, text in turn.items()
    )


def framings(kind: str, **values: str) -> list[str]:
    """All ways in prompts/framings.yaml to put something of this kind, filled in; the plainest is first."""
    return [_jinja.from_string(text).render(values) for text in _load("framings")[kind]]


@cache
def fingerprint() -> str:
    """Changes whenever a prompt changes."""
    whole = hashlib.sha256()
    for file in sorted(FOLDER.glob("*.yaml")):
        whole.update(file.name.encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()[:16]


@cache
def _load(name: str) -> dict[str, list]:  # type: ignore[type-arg]
    data: dict[str, list] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())  # type: ignore[type-arg]
    return data
