"""A leaf as the rules see it: every file read once, however broken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bot.recipe import LintRecipe
from bot.taxonomy.documents import DocumentError, read_documents
from bot.taxonomy.files import Files, Unreadable
from bot.taxonomy.leaf import Document, DocumentSource, Kind
from bot.taxonomy.parse import parse_file
from bot.taxonomy.parsed import Parsed, Place, Problem
from bot.taxonomy.schema import check_exam, check_qna, kind_of, version_of

DEFAULTS = LintRecipe()
QNA, EXAM, ATTRIBUTION = "qna.yaml", "exam.yaml", "attribution.txt"
START = Place(1, 1, 1, 1)
MAX_ATTRIBUTION_BYTES = 1_000_000


@dataclass(frozen=True)
class PullView:
    """What a pull request changes.

    Attributes:
        author: who opened it; "" where that is not known.
        files: each changed file's path before and after, from the repository's root; "" where there is none.
        leaves: the leaves that it adds or changes, with their paths.
    """

    author: str
    files: Sequence[tuple[str, str]]
    leaves: Mapping[str, "LeafView"]
    prefix: str


class LeafView:
    """One leaf's files, parsed and checked as far as they can be.

    Args:
        path: the leaf's folder below the taxonomy's root.
        settings: what the recipe says of lint.
        online: look into other repositories too.
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
        problem = Problem("unreadable", START, f"the file {error}", "put a regular file in its place")
        self.unreadable.append((name, problem))

    @property
    def data(self) -> dict[str, Any]:
        """The content of qna.yaml; empty where it is no mapping."""
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
        """What reading, parsing and the schemas found, with the file's name."""
        found = []
        if self.qna:
            found += [(QNA, p) for p in self.qna.problems]
            found += [(QNA, p) for p in check_qna(self.qna, self.kind)] if self.qna.root else []
        if self.exam:
            found += [(EXAM, p) for p in self.exam.problems]
            found += [(EXAM, p) for p in check_exam(self.exam)] if self.exam.root else []
        return [*self.unreadable, *found]

    def _attribution(self) -> str | None:
        """The text of attribution.txt; None where there is none that can be read."""
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
        """Where the documents are, if it is said well enough to look there."""
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
        """The documents, or why they cannot be had; None where looking would need the network."""
        if self.source is None or (self.remote and not self.online):
            return None
        try:
            return read_documents(self.files, self.path, self.source, self.settings.documents)
        except DocumentError as error:
            return error

    def files_as_text(self) -> Iterator[tuple[str, str]]:
        """The leaf's files as they are written, with their names; documents where they lie beside it."""
        for name, parsed in ((QNA, self.qna), (EXAM, self.exam)):
            if parsed is not None:
                yield name, parsed.text
        if self.attribution is not None:
            yield ATTRIBUTION, self.attribution
        if isinstance(self.documents, tuple) and not self.remote:
            yield from ((document.name, document.text) for document in self.documents)

    @cached_property
    def texts(self) -> list[tuple[str, tuple[str | int, ...], str]]:
        """Every text in qna.yaml and exam.yaml: the file, the path to it, the text."""
        return [
            (name, path, text)
            for name, parsed in ((QNA, self.qna), (EXAM, self.exam))
            if parsed is not None and parsed.root is not None
            for path, text in _texts(parsed.root.value, ())
        ]

    @cached_property
    def all_text(self) -> str:
        """All of `texts`, for a look at whether something may be in one of them."""
        return "\n".join(text for _, _, text in self.texts)

    @cached_property
    def pairs(self) -> list[tuple[tuple[str | int, ...], str, str, str]]:
        """Every question with its answer and, or "", its context; and the path to them."""
        return list(self._pairs())

    def _pairs(self) -> Iterator[tuple[tuple[str | int, ...], str, str, str]]:
        for index, seed in self.seeds():
            of_seed = [((), seed)] if "question" in seed else []
            listed = enumerate(_list(seed.get("questions_and_answers")))
            more = [(("questions_and_answers", place), pair) for place, pair in listed]
            for below, pair in (*of_seed, *more):
                if isinstance(pair, dict):
                    question, answer = pair.get("question"), pair.get("answer")
                    context = seed.get("context")
                    if isinstance(question, str) and isinstance(answer, str):
                        path = ("seed_examples", index, *below)
                        yield path, question, answer, context if isinstance(context, str) else ""

    def seeds(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The seed examples that are mappings, with their index."""
        for index, seed in enumerate(_list(self.data.get("seed_examples"))):
            if isinstance(seed, dict):
                yield index, seed

    def questions(self) -> Iterator[str]:
        """All questions of the seed examples."""
        for _, seed in self.seeds():
            for pair in (seed, *_list(seed.get("questions_and_answers"))):
                if isinstance(pair, dict) and isinstance(pair.get("question"), str):
                    yield pair["question"]

    def exam_questions(self) -> Iterator[tuple[int, str]]:
        """The exam's questions, with their index."""
        data = self.exam.data if self.exam else None
        for index, item in enumerate(_list(data.get("questions")) if isinstance(data, dict) else []):
            if isinstance(item, dict) and isinstance(item.get("question"), str):
                yield index, item["question"]

    def _is_document(self, name: str) -> bool:
        documents = self.documents if isinstance(self.documents, tuple) else ()
        return any(document.name == name for document in documents)

    def line(self, name: str, number: int) -> str:
        """A line of one of the leaf's files, for showing."""
        parsed = {QNA: self.qna, EXAM: self.exam}.get(name)
        if parsed is not None:
            return parsed.line(number)
        texts = dict(self.files_as_text()) if name == ATTRIBUTION or self._is_document(name) else {}
        lines = texts.get(name, "").split("\n", number)
        return lines[number - 1].rstrip("\r") if number <= len(lines) else ""


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The texts in parsed data, which the parser has bounded in depth and size."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _texts(item, (*path, key))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
