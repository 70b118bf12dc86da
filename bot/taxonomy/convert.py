"""Conversion of HTML, DOCX and PDF documents to Markdown.

Documents are untrusted and the parsers may have bugs. So the parser runs in a separate process without tokens
in its environment, with limits on memory and time, and only its text output is used.
"""

import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

from bot.taxonomy.converted import Converted, Unconvertible
from bot.text.document_doubts import Doubt
from bot.text.document_doubts import doubts as find_doubts

TIMEOUT_S = 60
MAX_MEMORY = 3 << 30
MAX_TEXT = 20_000_000
VERSION = 2
"""Part of the cache key: increase it when a change alters the text of converted documents."""


def convert(suffix: str, content: bytes) -> str:
    """Convert a document to Markdown; see `converted`."""
    return converted(suffix, content).text


def converted(suffix: str, content: bytes) -> Converted:
    """Convert a document to Markdown, and tell what is uncertain in it; the result is cached by content.

    Args:
        suffix: the file name's suffix, one of `CONVERTERS`.

    Raises:
        Unconvertible: the document is broken, or converting it needs too much time or memory.
    """
    from bot.core.store import cache_folder

    digest = hashlib.sha256(content).hexdigest()
    place = cache_folder() / "converted" / f"{digest}{suffix}.{VERSION}.json"
    if place.exists():
        return _loaded(place.read_text())
    text = _in_a_process(suffix, content)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.{uuid.uuid4().hex}")
    part.write_text(text)
    part.replace(place)
    return _loaded(text)


def _loaded(text: str) -> Converted:
    values = json.loads(text)
    return Converted(values["text"], tuple(Doubt(**doubt) for doubt in values["doubts"]))


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
        message, _, hint = errors[-1][:300].partition("\t")
        raise Unconvertible(message, hint)
    raise Unconvertible("takes too much memory or time to convert")


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT_S, TIMEOUT_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_TEXT, MAX_TEXT))


def _html(content: bytes) -> Converted:
    from bot.taxonomy.convert_pandoc import convert_html

    return convert_html(content)


def _docx(content: bytes) -> Converted:
    from bot.taxonomy.convert_pandoc import convert_docx

    return convert_docx(content)


def _pdf(content: bytes) -> Converted:
    from bot.taxonomy.convert_pdf import convert_pdf

    return convert_pdf(content)


CONVERTERS: Mapping[str, Callable[[bytes], Converted]] = {
    ".html": _html,
    ".htm": _html,
    ".docx": _docx,
    ".pdf": _pdf,
}


def _main(suffix: str) -> int:
    """Convert a document from stdin to JSON on stdout.

    On failure, print one line to stderr: the message, a tab, and a hint.

    Returns:
        The exit status: 0 for success, 1 for a document that cannot be converted, 2 for a lack of memory.
    """
    try:
        result = CONVERTERS[suffix](sys.stdin.buffer.read())
    except Unconvertible as error:
        print(f"{error}\t{error.hint}", file=sys.stderr)
        return 1
    except RecursionError:
        print("is nested too deeply", file=sys.stderr)
        return 1
    except MemoryError:
        return 2
    except Exception as error:  # for a broken file, the libraries raise many types of exceptions
        print(f"is not a valid {suffix[1:].upper()} file ({type(error).__name__})", file=sys.stderr)
        return 1
    text = re.sub(r"\n{3,}", "\n\n", result.text.replace("\0", "")).strip() + "\n"
    text = text.encode(errors="replace").decode()
    # A line of the converted text is no line of the file.
    found = (replace(doubt, line=1) for doubt in find_doubts(text, markdown=False))
    doubts = [asdict(doubt) for doubt in dict.fromkeys((*result.doubts, *found))]
    sys.stdout.write(json.dumps({"text": text, "doubts": doubts}))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
