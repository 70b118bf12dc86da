"""The rules' view of a leaf or a pull request: each file is read and parsed once, even if it is broken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bot.config.recipe import LintRecipe
from bot.taxonomy.attribution import ATTRIBUTION, MAX_ATTRIBUTION_BYTES
from bot.taxonomy.documents import DocumentError, read_documents
from bot.taxonomy.files import Files, Unreadable
from bot.taxonomy.layout import Layout
from bot.taxonomy.leaf import Document, DocumentSource, Kind
from bot.taxonomy.parse import parse_file
from bot.taxonomy.parsed import Parsed, Place, Problem
from bot.taxonomy.schema import check_exam, check_qna, kind_of, version_of
from bot.text.detect import known_language
from bot.text.language import UNKNOWN, Language

DEFAULTS = LintRecipe()
QNA, EXAM = "qna.yaml", "exam.yaml"
START = Place(1, 1, 1, 1)


@dataclass(frozen=True)
class PullView:
    """The changes of a pull request.

    Attributes:
        author: the author's login; "" if unknown.
        files: each changed file's old and new path, from the repository's root; "" if the file does not exist
            before or after.
        leaves: the leaves that the pull request adds or changes, by path.
        layout: the taxonomy's place in the repository.
    """

    author: str
    files: Sequence[tuple[str, str]]
    leaves: Mapping[str, "LeafView"]
    layout: Layout


class LeafView:
    """One leaf's files, parsed and validated as far as possible.

    Args:
        path: the leaf's folder below the taxonomy's root.
        settings: the recipe's lint settings.
        online: also read documents in other repositories.
    """

    def __init__(
        self, files: Files, path: str, settings: LintRecipe = DEFAULTS, *, online: bool = False
    ) -> None:
        self.files, self.path, self.settings, self.online = files, path, settings, online
        self.unreadable: list[tuple[str, Problem]] = []
        self.qna = self._parse(QNA)
        self.exam = self._parse(EXAM)
        self.attribution = self._attribution()

    def _parse(self, name: str) -> Parsed | None:
        path = f"{self.path}/{name}"
        if path not in self.files.entries:
            return None
        try:
            return parse_file(self.files, path)
        except Unreadable as error:
            self._not_read(name, error)
            return None

    def _not_read(self, name: str, error: Unreadable) -> None:
        problem = Problem("unreadable", START, f"the file {error}", "replace it with a regular file")
        self.unreadable.append((name, problem))

    @property
    def data(self) -> dict[str, Any]:
        """The content of qna.yaml; empty if it is not a mapping."""
        data = self.qna.data if self.qna else None
        return data if isinstance(data, dict) else {}

    @cached_property
    def kind(self) -> Kind:
        return kind_of(self.path, self.data)

    @property
    def version(self) -> int:
        return version_of(self.data)

    @cached_property
    def problems(self) -> list[tuple[str, Problem]]:
        """Problems from reading, parsing and schema validation, each with the file's name."""
        found = []
        if self.qna:
            found += [(QNA, p) for p in self.qna.problems]
            found += [(QNA, p) for p in check_qna(self.qna, self.kind)] if self.qna.root else []
        if self.exam:
            found += [(EXAM, p) for p in self.exam.problems]
            found += [(EXAM, p) for p in check_exam(self.exam)] if self.exam.root else []
        return [*self.unreadable, *found]

    def _attribution(self) -> str | None:
        """Return the text of attribution.txt; None if the file is missing or cannot be read."""
        if f"{self.path}/{ATTRIBUTION}" not in self.files.entries:
            return None
        try:
            content = self.files.read(f"{self.path}/{ATTRIBUTION}", MAX_ATTRIBUTION_BYTES)
        except Unreadable as error:
            self._not_read(ATTRIBUTION, error)
            return None
        return content.decode("utf-8-sig", errors="replace")

    @cached_property
    def source(self) -> DocumentSource | None:
        """The source of the documents; None if `document` in qna.yaml is missing or malformed."""
        document = self.data.get("document")
        if not isinstance(document, dict):
            return None
        repo, commit, patterns = (document.get(key) for key in ("repo", "commit", "patterns"))
        if isinstance(repo, str) and isinstance(commit, str) and isinstance(patterns, list):
            return DocumentSource(repo, commit, tuple(p for p in patterns if isinstance(p, str)))
        return None

    @property
    def remote(self) -> bool:
        """Whether the documents are in another repository."""
        return self.source is not None and self.source.repo != "."

    @cached_property
    def documents(self) -> tuple[Document, ...] | DocumentError | None:
        """The documents, or the error from reading them.

        None if the leaf has no documents, or if they are in another repository and `online` is not set.
        """
        if self.source is None or (self.remote and not self.online):
            return None
        try:
            return read_documents(self.files, self.path, self.source, self.settings.documents)
        except DocumentError as error:
            return error

    def files_as_text(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the text of each of the leaf's files, including documents in its folder."""
        for name, parsed in ((QNA, self.qna), (EXAM, self.exam)):
            if parsed is not None:
                yield name, parsed.text
        if self.attribution is not None:
            yield ATTRIBUTION, self.attribution
        if isinstance(self.documents, tuple) and not self.remote:
            yield from ((document.name, document.text) for document in self.documents)

    @cached_property
    def texts(self) -> list[tuple[str, tuple[str | int, ...], str]]:
        """Every string in qna.yaml and exam.yaml: the file, the path in the YAML data, and the text."""
        return [
            (name, path, text)
            for name, parsed in ((QNA, self.qna), (EXAM, self.exam))
            if parsed is not None and parsed.root is not None
            for path, text in _texts(parsed.root.value, ())
        ]

    @cached_property
    def language(self) -> Language:
        """The language of the seed examples, if it has a file; UNKNOWN if not, or if it is unclear."""
        found = known_language([text for _, *texts in self.pairs for text in texts])
        return found or UNKNOWN

    @cached_property
    def all_text(self) -> str:
        """All `texts` joined, to search them at once."""
        return "\n".join(text for _, _, text in self.texts)

    @cached_property
    def pairs(self) -> list[tuple[tuple[str | int, ...], str, str, str]]:
        """Every question as (path in the YAML data, question, answer, context); the context may be ""."""
        return list(self._pairs())

    def _pairs(self) -> Iterator[tuple[tuple[str | int, ...], str, str, str]]:
        for index, seed in self.seeds():
            own = [((), seed)] if "question" in seed else []
            listed = enumerate(_list(seed.get("questions_and_answers")))
            nested = [(("questions_and_answers", place), pair) for place, pair in listed]
            for below, pair in (*own, *nested):
                if isinstance(pair, dict):
                    question, answer = pair.get("question"), pair.get("answer")
                    context = seed.get("context")
                    if isinstance(question, str) and isinstance(answer, str):
                        path = ("seed_examples", index, *below)
                        yield path, question, answer, context if isinstance(context, str) else ""

    def seeds(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the index and data of each seed example that is a mapping."""
        for index, seed in enumerate(_list(self.data.get("seed_examples"))):
            if isinstance(seed, dict):
                yield index, seed

    def questions(self) -> Iterator[str]:
        """Yield all questions of the seed examples."""
        for _, seed in self.seeds():
            for pair in (seed, *_list(seed.get("questions_and_answers"))):
                if isinstance(pair, dict) and isinstance(pair.get("question"), str):
                    yield pair["question"]

    def exam_questions(self) -> Iterator[tuple[int, str]]:
        """Yield the index and text of each exam question."""
        data = self.exam.data if self.exam else None
        for index, item in enumerate(_list(data.get("questions")) if isinstance(data, dict) else []):
            if isinstance(item, dict) and isinstance(item.get("question"), str):
                yield index, item["question"]

    def judged_questions(self) -> Iterator[int]:
        """Yield the index of each exam question that a judge is to mark."""
        data = self.exam.data if self.exam else None
        for index, item in enumerate(_list(data.get("questions")) if isinstance(data, dict) else []):
            if isinstance(item, dict) and item.get("judge"):
                yield index

    def _is_document(self, name: str) -> bool:
        documents = self.documents if isinstance(self.documents, tuple) else ()
        return any(document.name == name for document in documents)

    def line(self, name: str, number: int) -> str:
        """Return a line of one of the leaf's files, for display; lines count from 1."""
        parsed = {QNA: self.qna, EXAM: self.exam}.get(name)
        if parsed is not None:
            return parsed.line(number)
        texts = dict(self.files_as_text()) if name == ATTRIBUTION or self._is_document(name) else {}
        lines = texts.get(name, "").split("\n", number)
        return lines[number - 1].rstrip("\r") if number <= len(lines) else ""


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the strings in parsed data with their paths. The parser has limited the depth and size."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _texts(item, (*path, key))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
