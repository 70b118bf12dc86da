"""Escaping of untrusted text in Markdown: in GitHub comments, and in files whose source people read, too."""

import re

# Characters that can start markup, a link, a mention, an issue reference or an emoji code.
_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+!|~@:&$-])")
# Invisible or direction-changing characters; they are displayed as their code point.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
# Characters that start markup in CommonMark, in tables, or in formulas.
_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$#])")
# The beginning of a line that would be a list or the underline of a heading.
_LINE_START = re.compile(r"^(\d{0,9})([-+=.)])")
# Text that a renderer may turn into a link or a mention, although it contains no markup.
_ADDRESS = re.compile(r"@|://|\w\.\w\w")


def escape(text: str, limit: int = 500) -> str:
    """Return one line of Markdown that displays `text` literally: no mention, link, image, HTML or keyword.

    Args:
        limit: maximum number of characters; for longer texts the number of the other characters is added.
    """
    cut, more = _cut(text, limit)
    # An HTML entity displays the character and is never parsed as markup.
    safe = _ACTIVE.sub(lambda match: f"&#{ord(match.group(1))};", cut)
    # GitHub finds mentions and references after it resolves entities; a zero-width space prevents that, as in
    # Renovate. A zero-width space inside a web address also prevents a link.
    safe = re.sub(r"&#(64|35|58(?=;//));", r"&#\1;&#8203;", safe)
    safe = re.sub(r"(?i)\bwww\.", "www&#8203;.", safe)
    return safe + more


def as_prose(text: str, limit: int = 500) -> str:
    """Return one line of Markdown that displays `text` literally, and whose source can be read.

    It has backslashes and no HTML entities. Text with an address or a mention becomes a code span, because
    renderers link both without markup.

    Args:
        limit: maximum number of characters; for longer texts the number of the other characters is added.
    """
    cut, more = _cut(text, limit)
    if _ADDRESS.search(cut):
        return as_code(text, limit)
    return _LINE_START.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", cut)) + more


def as_code(text: str, limit: int = 500) -> str:
    """Return a code span that displays `text` literally, except that `¦` replaces a vertical bar.

    A vertical bar would end the cell of a table, and its escaped form differs outside of tables.

    Args:
        limit: maximum number of characters; for longer texts the number of the other characters is added.
    """
    cut, more = _cut(text, limit)
    if not cut:
        return more.strip()
    fence = "`" * (1 + max(map(len, re.findall("`+", cut)), default=0))
    space = " " if cut[0] == "`" or cut[-1] == "`" else ""
    return f"{fence}{space}{cut.replace('|', '¦')}{space}{fence}{more}"


def visible(text: str) -> str:
    """Return a text on one line, with the code point in place of each hidden character."""
    return " ".join(_HIDDEN.sub(_code_point, text).split())


def _cut(text: str, limit: int) -> tuple[str, str]:
    """Return the visible beginning of a text, and words that count the other characters; "" for none."""
    rest = len(text) - limit
    return visible(text[: limit * 2])[:limit], f" … ({rest} more characters)" if rest > 0 else ""


def _code_point(match: re.Match[str]) -> str:
    return " " if match.group() in "\u000b\u000c\u000d\u0085\u2028\u2029" else f"U+{ord(match.group()):04X}"
