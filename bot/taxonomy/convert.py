"""Documents of several formats as Markdown text.

A document is somebody's file, and parsers of such files have mistakes: the parser runs in a process of its
own, with no token in its environment, a limit of memory and of time, and its text is all that comes back.
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
# Raised whenever the same document would be converted to another text.
VERSION = 1


class Unconvertible(Exception):
    """A document without text that can be had; the message goes on after its name."""


def convert(suffix: str, content: bytes) -> str:
    """A document's text as Markdown; converted once and then kept in the cache.

    Args:
        suffix: one of `CONVERTERS`.

    Raises:
        Unconvertible: it is broken, holds no text, or takes too much time or memory.
    """
    from bot.store import cache_folder

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
    # -I: neither the working folder nor the environment says what is imported.
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
        raise Unconvertible(f"takes over {TIMEOUT_S} s to read") from None
    if done.returncode == 0:
        return done.stdout.decode()
    said = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode == 1 and said:
        raise Unconvertible(said[-1][:200])
    raise Unconvertible("takes too much memory or time to read")


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
    # External files, which a document may name, are not read by default.
    return _html(mammoth.convert_to_html(io.BytesIO(content)).value.encode())


def _pdf(content: bytes) -> str:
    from pdfminer.high_level import extract_text

    text = extract_text(io.BytesIO(content)).replace("\f", "\n\n")
    # Lines end where the paper does: words are joined again, and lines into paragraphs.
    joined = [re.sub(r"(?<=\w)-\n(?=[a-z])", "", block) for block in re.split(r"\n\s*\n", text)]
    return "\n\n".join(" ".join(block.split()) for block in joined if block.strip())


CONVERTERS: Mapping[str, Callable[[bytes], str]] = {
    ".html": _html,
    ".htm": _html,
    ".docx": _docx,
    ".pdf": _pdf,
}


def _main(suffix: str) -> int:
    """Read a document from stdin, write its text to stdout; one line to stderr where that is not possible."""
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
    except Exception as error:  # the libraries raise all kinds of them for a broken file
        print(f"is no whole {suffix[1:].upper()} file ({type(error).__name__})", file=sys.stderr)
        return 1
    text = re.sub(r"\n{3,}", "\n\n", text.replace("\0", "")).strip() + "\n"
    sys.stdout.buffer.write(text.encode(errors="replace"))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
