"""The Modelfile of a GGUF file, from which ollama creates a model that uses the model's own chat template."""

import re
from collections.abc import Collection, Sequence
from typing import Any

NAME = "Modelfile"
_SETTINGS = "PARAMETER temperature 0\n"
_SYSTEM, _USER, _ASSISTANT, _NEXT = "\ue000", "\ue001", "\ue002", "\ue003"
"""Characters for private use, which stand for the contents of messages."""


def modelfile(gguf: str, tokenizer: Any) -> str:
    """Return the content of a Modelfile.

    Where the template cannot be written in ollama's language, ollama chooses one by the template in the file.

    Args:
        gguf: the name of the GGUF file beside the Modelfile.
        tokenizer: the model's tokenizer, with its chat template.
    """
    template = _template(tokenizer)
    text = f"FROM ./{gguf}\n{_SETTINGS}"
    if template and not any(mark in template for mark in ('"""', "\r")):
        text += f'TEMPLATE """{template}"""\n'
    return text


def is_modelfile(name: str, content: bytes, beside: Collection[str]) -> bool:
    """Return whether a file of unknown origin uses only a GGUF file beside it, as `modelfile` writes it.

    Args:
        beside: the names of the files in the same folder.
    """
    first, _, rest = content.decode(errors="replace").partition("\n")
    model = first.removeprefix("FROM ./")
    settings, _, template = rest.partition('TEMPLATE """')
    ended = not template or (template.count('"""') == 1 and template.endswith('"""\n'))
    return name == NAME and first != model and model in beside and ended and settings == _SETTINGS


def _template(tokenizer: Any) -> str:
    """Return the chat template in ollama's language; "" if it cannot be written there.

    A conversation is taken as a system message or none, then messages of user and assistant in turn. The
    texts between their contents are those of the chat template.
    """
    user, assistant, following = ("user", _USER), ("assistant", _ASSISTANT), ("user", _NEXT)
    plain = _between(tokenizer, [user, assistant, following])
    with_system = _between(tokenizer, [("system", _SYSTEM), user])
    if len(plain) != 4 or len(with_system) != 3 or any("{{" in text for text in plain + with_system):
        return ""
    start, before_answer, after_answer, end = plain
    system, after_system, end_with_system = with_system
    if not before_answer == end == end_with_system:
        return ""
    content = "{{ $m.Content }}"
    # Nothing may stand between the parts: ollama takes it as text.
    return (
        '{{ range $i, $m := .Messages }}{{ if eq $m.Role "system" }}'
        f"{system}{content}{after_system}"
        '{{ else if eq $m.Role "user" }}{{ if eq $i 0 }}'
        f"{start}{{{{ end }}}}{content}{before_answer}"
        f"{{{{ else }}}}{content}{after_answer}"
        "{{ end }}{{ end }}"
    )


def _between(tokenizer: Any, turns: Sequence[tuple[str, str]]) -> list[str]:
    """Return the texts before, between and after the contents; none if the template refuses the roles."""
    from jinja2 import TemplateError

    messages = [{"role": role, "content": content} for role, content in turns]
    try:
        text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except TemplateError:
        return []
    if tokenizer("x")["input_ids"][0] == tokenizer.bos_token_id:  # then ollama adds the token, too
        text = text.removeprefix(tokenizer.bos_token)
    return re.split("|".join(content for _, content in turns), text)
