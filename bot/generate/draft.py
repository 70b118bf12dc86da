"""Drafts of knowledge leaves: a teacher asks about a document's sentences, and a person edits the result."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import bot.generate.blocks_small  # noqa: F401 it registers the blocks of the pipeline
from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.sample import Sample
from bot.generate.blocks import run_batch
from bot.generate.candidates import Batch, Candidate
from bot.generate.pipeline_files import pipeline_of
from bot.generate.prompting import Prompts
from bot.inference.engine import Engine
from bot.taxonomy.documents import DocumentError, read_documents
from bot.taxonomy.files import DiskFiles
from bot.taxonomy.leaf import QA, Document, DocumentSource, ExamQuestion, Leaf, Seed
from bot.text.analysis import WORD, key_words, names, paragraphs, sentences, words
from bot.text.language import Language
from bot.text.words import normal

CONTEXTS, PAIRS = 5, 3
"""Numbers of passages, and of questions for each, that a knowledge leaf needs at least."""
PASSAGES, EXAM = 12, 10
"""Maximum numbers of passages that are asked about, and of exam questions that are proposed."""
ROUNDS = 3
"""How often the teacher is asked about a sentence, until one of its questions passes the filters."""
ENOUGH_SENTENCES, LONGEST_PASSAGE = 5, 1_500
"""Paragraphs that follow each other are joined up to this many sentences and characters."""


@dataclass(frozen=True)
class Draft:
    """What a teacher proposes for a document.

    Attributes:
        seeds: passages with questions and answers; some may have fewer than PAIRS.
        asked: the number of sentences that the teacher was asked about, each up to ROUNDS times.
        dropped: filter -> the number of questions that it dropped.
    """

    document: Document
    seeds: Sequence[Seed]
    exam: Sequence[ExamQuestion]
    asked: int
    dropped: Counter[str]

    @property
    def missing(self) -> int:
        """The number of question-answer pairs that a person must still write."""
        pairs = sum(max(0, PAIRS - len(seed.pairs)) for seed in self.seeds)
        return pairs + PAIRS * max(0, CONTEXTS - len(self.seeds))


def read_document(file: Path) -> Document:
    """Read a document as the documents of leaves are read.

    Raises:
        UserError: there is no such file, or it is no usable document.
    """
    if not file.is_file():
        raise UserError(f"{file}: there is no such file")
    with TemporaryDirectory() as alone:
        shutil.copy(file, alone)
        pattern = re.sub(r"([*?\[])", r"[\1]", file.name)
        try:
            (document,) = read_documents(DiskFiles(Path(alone), ""), "", DocumentSource(".", "", (pattern,)))
        except DocumentError as error:
            raise UserError(f"{file}: {error}; {error.hint}", code=1) from None
    return document


def propose(document: Document, recipe: Recipe, teacher: Engine) -> Draft:
    """Have a teacher ask about the sentences of a document, and keep the questions that pass the filters.

    An answer is a sentence of its passage. A question is kept only if the teacher, given the passage, answers
    it with that sentence.

    Raises:
        UserError: the document has no passages of running text.
    """
    passages = passages_of(document.text)[:PASSAGES]
    if not passages:
        raise UserError(
            f"{document.name}: no paragraphs of running text found; use a document with sentences"
        )
    # The contexts tell the language of the leaf.
    contexts = tuple(Seed(passage, ()) for passage in passages)
    leaf = Leaf("knowledge/draft", "knowledge", 3, "", "", contexts, documents=(document,))
    batch = Batch(leaf, teacher, recipe.teacher.temperature, Prompts(recipe.generate.prompts))
    candidates = left = list(_candidates(passages, batch.language))
    pipeline, made = pipeline_of(leaf, "small", recipe.teacher.model), list[Sample]()
    for _ in range(ROUNDS if recipe.teacher.temperature else 1):
        made += run_batch(batch, pipeline, left)
        answered = {sample.messages[1][1] for sample in made}
        left = [candidate for candidate in left if candidate.answer not in answered]
    dropped = Counter(drop.filter for drop in batch.drops)
    seeds, others = _seeds(passages, made, dropped, batch.language)
    exam = [one for pair in others if (one := exam_question(pair, batch.language))]
    return Draft(document, seeds, exam[:EXAM], len(candidates), dropped)


def passages_of(text: str) -> list[str]:
    """Return passages of a document, word for word: paragraphs, joined where they follow each other."""
    whole, found = _plain(text), list[str]()
    for paragraph in filter(whole.__contains__, map(_plain, paragraphs(text))):
        joined = f"{found[-1]} {paragraph}" if found else ""
        short = found and len(sentences(found[-1])) < ENOUGH_SENTENCES and len(joined) <= LONGEST_PASSAGE
        if short and joined in whole:
            found[-1] = joined
        else:
            found.append(paragraph)
    return [one for one in found if len(one) <= LONGEST_PASSAGE]


def _candidates(passages: Sequence[str], language: Language) -> Iterator[Candidate]:
    for number, passage in enumerate(passages):
        for sentence in dict.fromkeys(sentences(passage, language)):
            named = names(sentence, ())[:1]
            if named and len(sentence.split()) > PAIRS:
                yield Candidate(str(number), "asked", sentence, answer=sentence, passage=passage, names=named)


def _seeds(
    passages: Sequence[str], made: Sequence[Sample], dropped: Counter[str], language: Language
) -> tuple[list[Seed], list[QA]]:
    """Return the passages with their questions, and the questions that are left for the exam."""
    seeds, others = [], []
    asked: set[str] = set()
    for number, passage in enumerate(passages):
        pairs = []
        for sample in made:
            question, answer = sample.messages[0][1], sample.messages[1][1]
            if sample.source != str(number):
                continue
            if answer not in passage:
                dropped["not in the passage"] += 1
            elif normal(question) in asked:
                dropped["asked before"] += 1
            elif set(words(answer, language)) <= set(words(question, language)):
                dropped["gives away"] += 1
            else:
                asked.add(normal(question))
                pairs.append(QA(question, answer))
        if pairs:
            seeds.append(Seed(passage, tuple(pairs[:PAIRS])))
            others += pairs[PAIRS:]
    return sorted(seeds, key=lambda seed: -len(seed.pairs)), others


def exam_question(pair: QA, language: Language) -> ExamQuestion | None:
    """Return an exam question that requires a number or a name of the answer; None if there is neither."""
    new = key_words(pair.question, pair.answer, language)
    written = [word for word in WORD.findall(pair.answer)[1:] if normal(word) in new]
    marked = [word for word in written if any(char.isdigit() for char in word) or word[0].isupper()]
    return ExamQuestion(pair.question, ((marked[0],),)) if marked else None


def _plain(text: str) -> str:
    return " ".join(text.split())
