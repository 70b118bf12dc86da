"""What no text may hold that is learnt: secrets, personal data, characters and tokens that deceive."""

import re
from collections.abc import Iterator

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
_SECRETS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[opusr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})"),
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}"),
    "a Google key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    "an API key": re.compile(r"\bsk-[A-Za-z0-9_-]{32,}"),
}
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,8}[a-z]{2,24})\b", re.IGNORECASE)
# Reserved for examples by RFC 2606.
_EXAMPLE_DOMAIN = re.compile(r"(^|\.)(example(\.(com|org|net))?|test|invalid|localhost)$", re.IGNORECASE)
_TELEPHONE = re.compile(r"(?<![\w.])\+\d{1,3}[ .\-(]\(?\d[\d .()-]{5,16}\d(?!\w)")
_CARD = re.compile(r"(?<![\w-])(?:\d[ -]?){13,19}(?![\w-])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b")


def secrets_in(text: str) -> Iterator[str]:
    """What secrets a text seems to hold; they themselves are never told."""
    return (what for what, pattern in _SECRETS.items() if pattern.search(text))


def personal_data_in(text: str) -> Iterator[str]:
    """What personal data a text seems to hold."""
    if "@" in text and any(not _EXAMPLE_DOMAIN.search(m.group(1)) for m in _EMAIL.finditer(text)):
        yield "an e-mail address"
    if "+" in text and any("555" not in m.group() for m in _TELEPHONE.finditer(text)):
        yield "a telephone number"
    if any(_luhn(re.sub(r"\D", "", m.group())) for m in _CARD.finditer(text)):
        yield "a card number"
    if any(_iban(m.group().replace(" ", "")) for m in _IBAN.finditer(text)):
        yield "an account number (IBAN)"


def _luhn(digits: str) -> bool:
    """The check digit of card numbers (ISO/IEC 7812-1, annex B)."""
    if not 13 <= len(digits) <= 19 or digits[0] not in "3456":
        return False
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def _iban(text: str) -> bool:
    """The check digits of account numbers (ISO 13616: the remainder by 97 is 1)."""
    return 15 <= len(text) <= 34 and int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1
