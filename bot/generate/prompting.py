"""Prompts: YAML files of Jinja templates; text from contributors is only inserted as values."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from bot.core.errors import UserError

FOLDER = Path(__file__).parent / "prompts"
_jinja = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)

PASSAGES = 4
"""Number of passages shown with a question in retrieval form."""
Turns = tuple[tuple[str, str], ...]
"""(role, content) of each turn of a conversation."""


@dataclass(frozen=True)
class Prompts:
    """The prompts of a recipe.

    Attributes:
        folder: the recipe's own prompts, which override shipped ones of the same name; "" for none.
    """

    folder: str = ""

    def turns(self, name: str, examples: Sequence[Mapping[str, Any]] = (), **values: Any) -> Turns:
        """Render the conversation in NAME.yaml.

        Args:
            name: name of the prompt.
            examples: values of each few-shot example, for the turns under `example`.
            values: values of the other turns.

        Raises:
            UserError: the recipe's own prompt is malformed or uses an unknown variable.
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
            raise UserError(
                f"{self.file(name)}: {error}; compare it with {FOLDER / name}.yaml", code=1
            ) from None

    def canonical(self) -> str:
        """Return a hash of all prompts, for store keys."""
        return _fingerprint(self)

    def file(self, name: str) -> Path:
        """Return the path of a prompt: the recipe's own if it exists, else the shipped one."""
        own = Path(self.folder, f"{name}.yaml")
        return own if self.folder and own.exists() else FOLDER / f"{name}.yaml"


def framings(kind: str, **values: str) -> list[str]:
    """Render all templates of a kind in prompts/framings.yaml; the plainest is first."""
    data = _load(FOLDER / "framings.yaml")
    return [_template(text).render(values) for text in data[kind]]


@cache
def _template(text: str) -> Template:
    """Compile a template; cached, since compiling takes far longer than rendering."""
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
        reason = " ".join(str(error).split())
        raise UserError(f"{file}: cannot read this prompt: {reason}", code=1) from None
    if not isinstance(data, dict):
        raise UserError(
            f"{file}: a prompt must be a mapping with the key `turns`; see the examples in {FOLDER}", code=1
        )
    return data
