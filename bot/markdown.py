"""Text from outside, made safe to stand in a GitHub comment."""

import re

# Whatever could start markup, a link, a mention, an issue reference or an emoji code.
_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+!|~@:&$-])")
# Invisible or direction-changing characters, shown by their code point.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def escape(text: str, limit: int = 500) -> str:
    """One line of Markdown that shows `text` and does nothing else: no mention, link, image, HTML, keyword.

    Args:
        limit: characters shown; the rest is counted, not shown.
    """
    shown = " ".join(_HIDDEN.sub(_code_point, text[: limit * 2]).split())
    rest = len(text) - limit
    cut = shown[:limit]
    # An entity shows the character and is never markup.
    safe = _ACTIVE.sub(lambda match: f"&#{ord(match.group(1))};", cut)
    # GitHub looks for mentions and references after entities are resolved; a zero-width space ends that,
    # as Renovate does it. A web address that is torn likewise is no link.
    safe = re.sub(r"&#(64|35|58(?=;//));", r"&#\1;&#8203;", safe)
    safe = re.sub(r"(?i)\bwww\.", "www&#8203;.", safe)
    return f"{safe} … ({rest} more characters)" if rest > 0 else safe


def _code_point(match: re.Match[str]) -> str:
    return " " if match.group() in "\u000b\u000c\u000d\u0085\u2028\u2029" else f"U+{ord(match.group()):04X}"
