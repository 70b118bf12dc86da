"""Prompts: YAML files of Jinja strings, each with its version; contributors' text is only ever filled in."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from bot.errors import UserError

FOLDER = Path(__file__).parent / "prompts"
_jinja = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)

PASSAGES = 4
"""Passages that a question in retrieval form is asked with."""
Turns = tuple[tuple[str, str], ...]
"""(role, content) of each turn of a conversation."""


@dataclass(frozen=True)
class Prompts:
    """The prompts of a recipe.

    Attributes:
        folder: its own, which win over the shipped ones of the same name; "" for none.
    """

    folder: str = ""

    def turns(self, name: str, examples: Sequence[Mapping[str, Any]] = (), **values: Any) -> Turns:
        """The conversation in NAME.yaml, filled in.

        Args:
            examples: values for the turns under `example`, which are repeated with each of them.

        Raises:
            UserError: the recipe's own prompt asks for a value that there is not, or is no prompt.
        """
        data = _load(self.file(name))
        try:
            given = [(turn, values) for turn in data.get("before", ())]
            given += [(turn, {**values, **one}) for one in examples for turn in data["example"]]
            given += [(turn, values) for turn in data["turns"]]
            return tuple(
                (role, _template(text).render(known).strip())
                for turn, known in given
                for role, text in turn.items()
            )
        except (TemplateError, KeyError, AttributeError, TypeError) as error:
            raise UserError(f"{self.file(name)}: {error}; see {FOLDER / name}.yaml", code=1) from None

    def fingerprint(self) -> str:
        """Changes whenever a prompt changes."""
        return _fingerprint(self)

    def file(self, name: str) -> Path:
        """Where a prompt is."""
        own = Path(self.folder, f"{name}.yaml")
        return own if self.folder and own.exists() else FOLDER / f"{name}.yaml"


def framings(kind: str, **values: str) -> list[str]:
    """All ways in prompts/framings.yaml to put something of this kind, filled in; the plainest is first."""
    data = _load(FOLDER / "framings.yaml")
    return [_template(text).render(values) for text in data[kind]]


@cache
def _template(text: str) -> Template:
    """A template, compiled once: compiling takes far longer than filling in."""
    return _jinja.from_string(text)


@cache
def _fingerprint(prompts: Prompts) -> str:
    whole = hashlib.sha256()
    for name in sorted(file.stem for file in FOLDER.glob("*.yaml")):
        whole.update(name.encode() + b"\0" + prompts.file(name).read_bytes())
    return whole.hexdigest()


@cache
def _load(file: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{file}: no prompt: {' '.join(str(error).split())}", code=1) from None
    if not isinstance(data, dict):
        raise UserError(f"{file}: a prompt is a mapping with `turns`; see {FOLDER}", code=1)
    return data
