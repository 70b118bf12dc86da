"""What people pipe into a chat: text in any encoding is read, and never ends in a traceback."""

import io

import pytest

from bot.inference.chat import _lines


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        (b"hello\n", ["hello"]),
        (b"caf\xe9 opens?\n", ["caf\ufffd opens?"]),
        (b"\xff\xfe\n\nbye\n", ["\ufffd\ufffd", "", "bye"]),
        ("Grüße\n".encode(), ["Grüße"]),
        ("日本語\n".encode("shift_jis"), None),
        (b"", []),
    ],
)
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_bytes_that_are_no_text_are_replaced(
    monkeypatch: pytest.MonkeyPatch, typed: bytes, lines: list[str] | None, errors: str
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(typed), encoding="utf-8", errors=errors)
    monkeypatch.setattr("sys.stdin", stdin)
    found = list(_lines())
    assert all(line.encode() for line in found if line)
    assert lines is None or found == lines
