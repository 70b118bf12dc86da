"""Safety checks of training texts: secrets, personal data, chat template tokens, invisible characters."""

import re
import unicodedata
from collections.abc import Collection, Iterator

# Bidirectional overrides ("Trojan Source", CVE-2021-42574), zero-width characters, tags.
INVISIBLE = re.compile("[\u200b\u2060-\u2064\ufeff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
CHAT_TOKEN = re.compile(
    r"<\|[\w ]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|<\uff5c[^<>\uff5c]{1,40}\uff5c>"
)
HTML = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]{0,500})?/?>|<!--")
INSTRUCTION = re.compile(
    r"\b(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+|these\s+|my\s+)?"
    r"(?:previous|prior|above|earlier|preceding|instructions?|rules)\b[^.\n]{0,40}"
    r"|\byou are now\s+(?:a|an|in)\b[^.\n]{0,40}|\b(?:system|developer) prompt\b",
    re.IGNORECASE,
)
# Substrings that every match contains: a fast test that excludes most texts before the slower pattern.
_BRACKETS = "<[{\ufe64\uff1c\ufe47\uff3b\ufe37\ufe5b\uff5b"
_INSTRUCTING = ("ignore", "disregard", "forget", "you are now", "prompt")
_SECRETS = {
    "a private key": (("-----BEGIN ",), re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY")),
    "an AWS access key": (("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    "a GitHub token": (
        ("gho_", "ghp_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[opusr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})"),
    ),
    "a Hugging Face token": (("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{30}")),
    "a Google key": (("AIza",), re.compile(r"\bAIza[A-Za-z0-9_-]{35}")),
    "a Slack token": (("xox",), re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10}")),
    "an API key": (("sk-",), re.compile(r"\bsk-[A-Za-z0-9_-]{32}")),
    "a GitLab token": (("glpat-",), re.compile(r"\bglpat-[A-Za-z0-9_-]{20}")),
    # Not where a document explains addresses: https://user:password@example.com, https://$USER:$TOKEN@host.
    "a password in a web address": (
        ("@",),
        re.compile(
            r"\bhttps?://(?:[\w.%+~-]{1,64}:(?!pass|secret|token|pw)[\w.%+~!*-]{6,200}"
            r"|(?=[A-Za-z_-]{0,40}\d)[\w-]{20,200})@(?!(?:[\w-]{1,63}\.){0,4}(?:example|invalid)\b)[A-Za-z0-9]",
            re.IGNORECASE,
        ),
    ),
    "a token in a web address": (
        ("token=", "key="),
        re.compile(
            r"[?&](?:access_|private_|auth_)?(?:token|api_?key)="
            r"(?=[A-Za-z_.-]{0,40}\d)[\w.-]{16,200}"
        ),
    ),
}
# Apparent secrets, also those that a message cut off in the middle; the first group may be shown.
_MASKED = (
    re.compile(r"(\bhttps?://)[^\s/@'\"]{1,300}(?=@)"),
    re.compile(r"(\bhttps?://[^\s/@:'\"]{1,100}:)(?!\d{1,5}(?![\w.%+~-]))[^\s/@'\"]{3,300}"),
    re.compile(r"(\b(?:gh[opusr]_|github_pat_|hf_|AIza|xox[abprs]-|glpat-|AKIA|ASIA))[A-Za-z0-9_-]{4,300}"),
    re.compile(r"(\bsk-)[A-Za-z0-9_-]{12,300}"),
    re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY).{0,5000}"),
    re.compile(r"([?&](?:access_|private_|auth_)?(?:token|api_?key)=)[\w.-]{4,300}"),
)
_MAY_BE_SECRET = re.compile(
    r"gh[opusr]_|github_pat_|hf_|AIza|xox|glpat-|AKIA|ASIA|sk-|-----BEGIN|://|token=|key="
)
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,8}[a-z]{2,24})\b", re.IGNORECASE)
# Domains reserved for examples by RFC 2606.
_EXAMPLE_DOMAIN = re.compile(r"(^|\.)(example(\.(com|org|net))?|test|invalid|localhost)$", re.IGNORECASE)
_TELEPHONE = re.compile(r"(?<![\w.])\+\d{1,3}[ .\-(]\(?\d[\d .()-]{5,16}\d(?!\w)")
_CARD = re.compile(r"\d(?<![\w-]\d)(?:[ -]?\d){12,18}(?![\w-])")
_IBAN = re.compile(r"[A-Z](?<!\w[A-Z])[A-Z]\d{2}(?: ?[A-Z0-9]){11,30}\b")


Found = Iterator[tuple[str, re.Match[str]]]
"""Findings: a description of each, such as "a GitHub token", and its match in the text."""


def secrets(text: str) -> Found:
    """Yield apparent private keys, access tokens and passwords in web addresses."""
    for what, (marks, pattern) in _SECRETS.items():
        if any(mark in text for mark in marks):
            yield from ((what, found) for found in pattern.finditer(text))


def mask_secrets(text: str) -> str:
    """Return a text for display, with apparent keys, tokens and passwords replaced by ***.

    Beginnings of secrets are replaced, too, because messages quote texts only up to some length.
    """
    if not _MAY_BE_SECRET.search(text):
        return text
    for pattern in _MASKED:
        text = pattern.sub(r"\1***", text)
    return text


def personal_data(text: str) -> Found:
    """Yield apparent e-mail addresses and telephone, card and account numbers."""
    if "@" in text:
        mails = (match for match in _EMAIL.finditer(text) if not _EXAMPLE_DOMAIN.search(match.group(1)))
        yield from (("an e-mail address", mail) for mail in mails)
    if "+" in text:
        numbers = _TELEPHONE.finditer(text)
        yield from (("a telephone number", number) for number in numbers if "555" not in number.group())
    cards = (card for card in _CARD.finditer(text) if _luhn(re.sub(r"\D", "", card.group())))
    yield from (("a card number", card) for card in cards)
    accounts = (one for one in _IBAN.finditer(text) if _iban(one.group().replace(" ", "")))
    yield from (("an account number (IBAN)", one) for one in accounts)


def chat_tokens(text: str) -> Found:
    """Yield tokens that chat templates use to separate turns, such as `<|im_end|>`."""
    if "<" in text or "[" in text:
        yield from (("a token of a chat template", token) for token in CHAT_TOKEN.finditer(text))


def instructions(text: str) -> Found:
    """Yield instructions to the model that reads the text (prompt injections)."""
    plain = text.casefold()
    if any(word in plain for word in _INSTRUCTING):
        yield from (
            ("an instruction to the model that reads it", match) for match in INSTRUCTION.finditer(text)
        )


def invisible(text: str) -> Found:
    """Yield invisible characters, except a byte order mark at the beginning."""
    if not text.isascii():
        found = (char for char in INVISIBLE.finditer(text) if char.group() != "\ufeff" or char.start() > 0)
        yield from (("an invisible character", char) for char in found)


def forbidden(text: str) -> Found:
    """Yield content that is never allowed, even with a maintainer's approval."""
    yield from secrets(text)
    yield from chat_tokens(text)
    yield from invisible(text)


def approvable(text: str) -> Found:
    """Yield content that is allowed only if a maintainer has approved it."""
    yield from personal_data(text)
    yield from instructions(text)


def unsafe_text(text: str, approved: Collection[str] = ()) -> str | None:
    """Return why a text must not be used for training, or None if it may be.

    The reason never quotes a secret or personal data.

    Args:
        approved: personal data and instructions from seed examples that maintainers have merged, verbatim.
    """
    found = dict.fromkeys(what for what, _ in forbidden(text))
    found |= dict.fromkeys(what for what, _ in chat_tokens(as_read(text)))
    found |= dict.fromkeys(what for what, match in approvable(text) if match.group() not in approved)
    return f"contains {', '.join(found)}" if found else None


def as_read(text: str) -> str:
    """Normalize a text as some tokenizers do (NFKC), so that tokens in full-width characters are found.

    Combining marks are removed: no token contains them, and NFKC sorts long sequences of them in quadratic
    time.
    """
    if text.isascii() or not any(bracket in text for bracket in _BRACKETS):
        return text
    plain = "".join(char for char in text if not unicodedata.combining(char))
    return unicodedata.normalize("NFKC", plain)


def _luhn(digits: str) -> bool:
    """Whether digits form a card number with a valid check digit (Luhn; ISO/IEC 7812-1, annex B)."""
    if not 13 <= len(digits) <= 19 or digits[0] not in "3456":
        return False
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def _iban(text: str) -> bool:
    """Whether the check digits of an account number are valid (ISO 13616: the remainder modulo 97 is 1)."""
    return 15 <= len(text) <= 34 and int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1
