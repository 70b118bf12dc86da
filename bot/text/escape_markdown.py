"""Escaping of untrusted text for GitHub comments."""

import re

# Characters that can start markup, a link, a mention, an issue reference or an emoji code.
_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+!|~@:&$-])")
# Invisible or direction-changing characters; they are displayed as their code point.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def escape(text: str, limit: int = 500) -> str:
    """Return one line of Markdown that displays `text` literally: no mention, link, image, HTML or keyword.

    Args:
        limit: maximum number of characters; for longer texts the number of the other characters is added.
    """
    shown = " ".join(_HIDDEN.sub(_code_point, text[: limit * 2]).split())
    rest = len(text) - limit
    cut = shown[:limit]
    # An HTML entity displays the character and is never parsed as markup.
    safe = _ACTIVE.sub(lambda match: f"&#{ord(match.group(1))};", cut)
    # GitHub finds mentions and references after it resolves entities; a zero-width space prevents that, as in
    # Renovate. A zero-width space inside a web address also prevents a link.
    safe = re.sub(r"&#(64|35|58(?=;//));", r"&#\1;&#8203;", safe)
    safe = re.sub(r"(?i)\bwww\.", "www&#8203;.", safe)
    return f"{safe} … ({rest} more characters)" if rest > 0 else safe


def _code_point(match: re.Match[str]) -> str:
    return " " if match.group() in "\u000b\u000c\u000d\u0085\u2028\u2029" else f"U+{ord(match.group()):04X}"
