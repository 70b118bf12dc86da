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
from bot.text.analysis import sentences
from bot.text.language import Language

FOLDER = Path(__file__).parent / "prompts"
_jinja = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)

PASSAGES = 4
"""Number of passages shown with a question in retrieval form."""
SHORT = 200
"""Maximum length, in characters, of an answer that may be called a short sentence."""
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

    def framed(self, question: str, answer: str, spoken: Language) -> list[str]:
        """Return a question in all framings that fit its answer; the question alone is first.

        Args:
            spoken: the leaf's language; without framings for it, the question is returned alone.
        """
        ways = self._own("question") or spoken.data.get("framings", ["{{ question }}"])
        short = "\n" not in answer.strip() and len(answer) <= SHORT and len(sentences(answer, spoken)) == 1
        fitting = [
            way if isinstance(way, str) else way["short"] for way in ways if isinstance(way, str) or short
        ]
        return [self._fill(way, question=question) for way in fitting]

    def grounded(self, passage: str, question: str) -> list[str]:
        """Return a question with its passage, in all framings; the plainest is first."""
        ways = self._own("grounded") or _load(FOLDER / "framings.yaml")["grounded"]
        return [self._fill(way, passage=passage, question=question) for way in ways]

    def recite(self, title: str, start: str, spoken: Language) -> str | None:
        """Return a request for a paragraph; None if there is none in the leaf's language."""
        own, known = self._own("recite"), spoken.data.get("recite")
        way = own[0] if own else known
        return self._fill(way, title=title, start=start) if way else None

    def has_own(self, kind: str) -> bool:
        """Whether the recipe's own framings.yaml has framings of this kind."""
        return bool(self._own(kind))

    def _own(self, kind: str) -> list[Any]:
        """Return the framings of a kind in the recipe's own framings.yaml; [] if there are none."""
        file = self.file("framings")
        ways = _load(file).get(kind, []) if file.parent != FOLDER else []
        ways = [ways] if isinstance(ways, str) else ways
        if not isinstance(ways, list) or not all(_is_framing(way, kind) for way in ways):
            raise UserError(
                f"{file}: `{kind}` must be a list of texts; see the example in {FOLDER / 'framings.yaml'}",
                code=1,
            )
        return ways

    def _fill(self, way: str, **values: str) -> str:
        try:
            return _template(way).render(values)
        except TemplateError as error:
            raise UserError(f"{self.file('framings')}: {way!r}: {error}", code=1) from None

    def canonical(self) -> str:
        """Return a hash of all prompts, for store keys."""
        return _fingerprint(self)

    def file(self, name: str) -> Path:
        """Return the path of a prompt: the recipe's own if it exists, else the shipped one."""
        own = Path(self.folder, f"{name}.yaml")
        return own if self.folder and own.exists() else FOLDER / f"{name}.yaml"


def _is_framing(way: Any, kind: str) -> bool:
    """Whether an entry of framings.yaml is a text, or for questions `short` with a text."""
    if kind == "question" and isinstance(way, dict):
        return way.keys() == {"short"} and isinstance(way["short"], str)
    return isinstance(way, str)


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
