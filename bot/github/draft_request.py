"""Requests for drafts: issues made from the form `teach.yml`, with a document as text or as a file."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import requests

from bot.core.errors import UserError
from bot.taxonomy.convert import CONVERTERS
from bot.taxonomy.documents import MAX_DOCUMENT_BYTES, TEXT
from bot.taxonomy.new_leaf import Source, snake_case

FORM = "teach.yml"
"""The form's file in .github/ISSUE_TEMPLATE/."""
FOLDER, TITLE, LINK = "Folder of the leaf", "Title of the work", "Link to the work"
LICENSE, CREATORS = "License of the work", "Creators of the work"
DOCUMENT = "The document"
"""The labels of the form's fields; the document is the last one, since it may hold headings of its own."""
SUFFIXES = (*TEXT, *CONVERTERS)
DOWNLOAD_TIMEOUT_S = 60
_EMPTY = "_No response_"
_MADE = f"make one by New issue and the form {FORM}, which has the field {DOCUMENT!r}"


@dataclass(frozen=True)
class DraftRequest:
    """What somebody wrote into the form.

    Attributes:
        number: the issue's number.
        author: the user name of the issue's author.
        author_id: GitHub's number for the author.
        folder: where the leaf is to be, below `knowledge/`; "" if left to the bot.
        title, link, license, creators: of the work that the document is.
        document: the text of the document, or a link to a file attached to the issue.
    """

    number: int
    author: str
    author_id: int
    folder: str
    title: str
    link: str
    license: str
    creators: str
    document: str

    @classmethod
    def read(cls, issue: Mapping[str, Any]) -> "DraftRequest":
        """Read an issue as GitHub's webhooks describe it.

        Raises:
            UserError: the issue was not made from the form, or it has no document.
        """
        body = (issue.get("body") or "").replace("\r\n", "\n")
        head, found, document = body.partition(f"### {DOCUMENT}\n")
        if not found:
            raise UserError(f"this issue was not made from the form; {_MADE}", code=1)
        if document.strip() in ("", _EMPTY):
            raise UserError(
                f"the field {DOCUMENT!r} is empty: paste its text, or drag its file there", code=1
            )
        fields = dict(re.findall(r"(?m)^### (.+)\n\n(.+)$", head))

        def field(name: str) -> str:
            value = " ".join(fields.get(name, "").split())[:300]
            return "" if value == _EMPTY else value

        return cls(
            number=issue["number"],
            author=issue["user"]["login"],
            author_id=issue["user"]["id"],
            folder=field(FOLDER),
            title=field(TITLE),
            link=field(LINK),
            license=field(LICENSE),
            creators=field(CREATORS),
            document=document.strip(),
        )

    @property
    def source(self) -> Source:
        """Where the document comes from."""
        return Source(self.author, self.title, self.link, self.license, self.creators)

    @property
    def leaf(self) -> str:
        """The leaf's folder below the taxonomy's folder, as the author names it or after the title."""
        name = snake_case(self.title)[:50]
        return self.folder or f"knowledge/drafts/{name or f'issue_{self.number}'}"

    @property
    def branch(self) -> str:
        """The branch for the draft."""
        return f"arborist/draft-{self.number}"

    def save(self, folder: Path) -> Path:
        """Write the document to a file in a folder, and return it.

        Raises:
            UserError: several files are attached, one is of an unknown kind, or it cannot be downloaded.
        """
        links = _attached(self.document)
        if len(links) > 1:
            raise UserError(f"{len(links)} files are attached: a draft is made of one document", code=1)
        if not links:
            file = folder / "document.md"
            file.write_text(f"{self.document}\n", encoding="utf-8")
            return file
        suffix = PurePosixPath(links[0]).suffix.lower()
        if suffix not in SUFFIXES:
            raise UserError(f"the attached file is no {', '.join(SUFFIXES)} file", code=1)
        name = re.sub(r"[^A-Za-z0-9]+", "_", PurePosixPath(links[0]).stem).strip("_")[:60] or "document"
        file = folder / f"{name}{suffix}"
        file.write_bytes(_download(links[0]))
        return file


def _attached(document: str) -> list[str]:
    """Return the addresses of the files that are attached to an issue.

    Only addresses below GitHub's folder for attachments count, so that nobody can send a runner elsewhere.
    """
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    return re.findall(rf"\]\(({re.escape(server)}/user-attachments/files/\d+/[\w.%-]+)\)", document)


def _download(url: str) -> bytes:
    """Download an attached file, without any token.

    Raises:
        UserError: GitHub does not return it, or it is too large.
    """
    try:
        with requests.get(url, timeout=DOWNLOAD_TIMEOUT_S, stream=True) as response:
            if response.status_code == requests.codes.not_found:
                raise UserError(
                    "the attached file cannot be read: GitHub shows files of private repositories only to "
                    "people who are signed in; paste the document's text instead",
                    code=1,
                )
            response.raise_for_status()
            content = b""
            for part in response.iter_content(1 << 16):
                content += part
                if len(content) > MAX_DOCUMENT_BYTES:
                    raise UserError(
                        f"the attached file is larger than {MAX_DOCUMENT_BYTES // 1_000_000} MB", code=1
                    )
    except requests.RequestException as error:
        why = f"GitHub cannot be reached ({type(error).__name__})"
        raise UserError(f"the attached file cannot be downloaded: {why}; try again", code=1) from None
    return content
