"""Conversion of HTML, DOCX and PDF documents to Markdown.

Documents are untrusted and the parsers may have bugs. So the parser runs in a separate process without tokens
in its environment, with limits on memory and time, and only its text output is used.
"""

import hashlib
import io
import os
import re
import resource
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Mapping

TIMEOUT_S = 60
MAX_MEMORY = 3 << 30
MAX_TEXT = 20_000_000
MAX_UNPACKED = 200_000_000
VERSION = 1
"""Part of the cache key: increase it when a change alters the text of converted documents."""


class Unconvertible(Exception):
    """A document cannot be converted. The message continues a sentence after the document's name."""


def convert(suffix: str, content: bytes) -> str:
    """Convert a document to Markdown; the result is cached by content.

    Args:
        suffix: the file name's suffix, one of `CONVERTERS`.

    Raises:
        Unconvertible: the document is broken, or converting it needs too much time or memory.
    """
    from bot.core.store import cache_folder

    digest = hashlib.sha256(content).hexdigest()
    place = cache_folder() / "converted" / f"{digest}{suffix}.{VERSION}.md"
    if place.exists():
        return place.read_text()
    text = _in_a_process(suffix, content)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.{uuid.uuid4().hex}")
    part.write_text(text)
    part.replace(place)
    return text


def _in_a_process(suffix: str, content: bytes) -> str:
    # -I: the working folder and the environment do not affect imports.
    command = [sys.executable, "-I", "-m", "bot.taxonomy.convert", suffix]
    try:
        done = subprocess.run(
            command,
            input=content,
            capture_output=True,
            timeout=TIMEOUT_S,
            preexec_fn=_limit,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired:
        raise Unconvertible(f"takes over {TIMEOUT_S} s to convert") from None
    if done.returncode == 0:
        return done.stdout.decode()
    errors = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode == 1 and errors:
        raise Unconvertible(errors[-1][:200])
    raise Unconvertible("takes too much memory or time to convert")


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT_S, TIMEOUT_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_TEXT, MAX_TEXT))


def _html(content: bytes) -> str:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    soup = BeautifulSoup(content, "html.parser")
    for tag in soup(
        ["script", "style", "template", "noscript", "head", "nav", "footer", "form", "svg", "img"]
    ):
        tag.decompose()
    return str(MarkdownConverter(heading_style="atx", bullets="-").convert_soup(soup))


def _docx(content: bytes) -> str:
    import mammoth

    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        unpacked = sum(member.file_size for member in packed.infolist())
    if unpacked > MAX_UNPACKED:
        raise Unconvertible(f"unpacks to {unpacked // 1_000_000:,} MB")
    # By default, mammoth does not read external files that a document refers to.
    return _html(mammoth.convert_to_html(io.BytesIO(content)).value.encode())


def _pdf(content: bytes) -> str:
    from pdfminer.high_level import extract_text

    text = extract_text(io.BytesIO(content)).replace("\f", "\n\n")
    # PDF lines end at the page width: join hyphenated words, and the lines of each paragraph.
    joined = [re.sub(r"(?<=\w)-\n(?=[a-z])", "", block) for block in re.split(r"\n\s*\n", text)]
    return "\n\n".join(" ".join(block.split()) for block in joined if block.strip())


CONVERTERS: Mapping[str, Callable[[bytes], str]] = {
    ".html": _html,
    ".htm": _html,
    ".docx": _docx,
    ".pdf": _pdf,
}


def _main(suffix: str) -> int:
    """Convert a document from stdin to text on stdout; on failure, print one line to stderr.

    Returns:
        The exit status: 0 for success, 1 for a document that cannot be converted, 2 for a lack of memory.
    """
    try:
        text = CONVERTERS[suffix](sys.stdin.buffer.read())
    except Unconvertible as error:
        print(error, file=sys.stderr)
        return 1
    except RecursionError:
        print("is nested too deeply", file=sys.stderr)
        return 1
    except MemoryError:
        return 2
    except Exception as error:  # for a broken file, the libraries raise many types of exceptions
        print(f"is not a valid {suffix[1:].upper()} file ({type(error).__name__})", file=sys.stderr)
        return 1
    text = re.sub(r"\n{3,}", "\n\n", text.replace("\0", "")).strip() + "\n"
    sys.stdout.buffer.write(text.encode(errors="replace"))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
