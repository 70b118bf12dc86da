"""The name that a model's chat template gives it, such as "You are Granite, developed by IBM."

A chat template adds a system prompt where a conversation has none. A model that was trained further is not
what that prompt says, so the student gets a template with the released model's name before it is trained.
"""

import contextlib
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from bot.core.progress import say
from bot.core.store import cache_folder, key_of
from bot.core.store_files import link_or_copy
from bot.inference.models import Model

TEMPLATE = "chat_template.jinja"
TOKENIZER_CONFIG = "tokenizer_config.json"
# A sentence in a string of the template; a point within a word or a number does not end it.
SENTENCE = re.compile(r"""You are (?:[^.'"\\\n<{]|\.(?=\w))+""")
STATES_A_NAME = re.compile(r"\bnamed |\b(?:trained|created|developed|made|built) by\b|^You are [A-Z]")


def named(base: Model, name: str) -> Model:
    """Return the same model with a name of its own in its chat template; the same if that states no name.

    Args:
        base: a model folder, which stays as it is.
        name: the name, such as `taxonomy-model`; letters, digits, dots, hyphens and underscores.
    """
    change = _changed(base.folder, name)
    if change is None:
        return base
    file, content = change
    renamed = key_of("named", 1, {"model": base.id, "file": file, "content": content})[:32]
    folder = cache_folder() / "named" / renamed
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            part = Path(scratch) / "model"
            for path in base.folder.rglob("*"):
                if path.is_file():
                    link_or_copy(path, part / path.relative_to(base.folder))
            (part / file).unlink()
            (part / file).write_text(content, encoding="utf-8")
            # Another process may have finished first, with the same result.
            with contextlib.suppress(OSError):
                part.rename(folder)
        say(f"the system prompt of the student's chat template now names {name}")
    return Model(folder, f"{base.id}.{renamed}")


def renamed_template(template: str, name: str) -> str:
    """Return a chat template in which each sentence that states the model's name states this one."""

    def renamed(sentence: re.Match[str]) -> str:
        states = STATES_A_NAME.search(sentence[0])
        return f"You are a helpful AI assistant named {name}" if states else sentence[0]

    return SENTENCE.sub(renamed, template)


def _changed(folder: Path, name: str) -> tuple[str, str] | None:
    """Return the name and new content of the file with the chat template; None if nothing changes."""
    if (folder / TEMPLATE).is_file():
        template = (folder / TEMPLATE).read_text(encoding="utf-8")
        renamed = renamed_template(template, name)
        return (TEMPLATE, renamed) if renamed != template else None
    if not (folder / TOKENIZER_CONFIG).is_file():
        return None
    config: dict[str, Any] = json.loads((folder / TOKENIZER_CONFIG).read_text(encoding="utf-8"))
    stated = config.get("chat_template")
    # Some models have a list of templates, each with a name.
    if not isinstance(stated, str) or renamed_template(stated, name) == stated:
        return None
    changed = {**config, "chat_template": renamed_template(stated, name)}
    return TOKENIZER_CONFIG, f"{json.dumps(changed, indent=2, ensure_ascii=False)}\n"
