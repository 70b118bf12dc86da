"""Drafts of knowledge leaves: a teacher and rules ask about a document, and a person edits the result."""

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
from bot.core.progress import task
from bot.generate.blocks import run_batch
from bot.generate.candidates import Batch, Candidate
from bot.generate.pipeline_files import Pipeline, pipeline_of
from bot.generate.prompting import Prompts
from bot.generate.sentence_questions import questions_about
from bot.inference.engine import Engine
from bot.taxonomy.documents import DocumentError, markdown_of, read_documents
from bot.taxonomy.files import DiskFiles
from bot.taxonomy.leaf import QA, Document, DocumentSource, ExamQuestion, Leaf, Seed
from bot.text.analysis import WORD, key_words, names, paragraphs, sentence_ends, sentences, words
from bot.text.language import Language
from bot.text.mark_answer import Marking
from bot.text.read_markdown import read
from bot.text.words import normal

CONTEXTS, PAIRS = 5, 3
"""Numbers of passages, and of questions for each, that a knowledge leaf needs at least."""
PASSAGES, EXAM = 12, 10
"""Maximum numbers of passages that are asked about, and of exam questions that are proposed."""
ENOUGH_SENTENCES, LONGEST_PASSAGE = 5, 1_500
"""Paragraphs that follow each other are joined up to this many sentences and characters."""


@dataclass(frozen=True)
class Proposed:
    """A question about a sentence of a passage.

    Attributes:
        passage: the passage's number.
        answer: the sentence.
        wanted: the part of it that is asked for; "" if not known.
    """

    passage: int
    question: str
    answer: str
    wanted: str = ""


@dataclass(frozen=True)
class Draft:
    """What a teacher and rules propose for a document.

    Attributes:
        seeds: passages with questions and answers; some may have fewer than PAIRS.
        asked: the number of sentences that the teacher was asked about.
        by_rule: the number of proposed questions that were made by rule, without the teacher.
        dropped: filter -> the number of questions that it dropped.
    """

    document: Document
    seeds: Sequence[Seed]
    exam: Sequence[ExamQuestion]
    asked: int
    by_rule: int
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
    it with that sentence. It is not asked about sentences about which rules make questions.

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
    by_rule = list(rule_questions(document, passages, batch.language))
    answered = {one.answer for one in by_rule}
    candidates = [one for one in _candidates(passages, batch.language) if one.answer not in answered]
    pipeline = pipeline_of(leaf, "small", recipe.teacher.model)
    made = list(_by_teacher(batch, pipeline, candidates))
    dropped = Counter(drop.filter for drop in batch.drops)
    seeds, others = _seeds(passages, [*made, *by_rule], dropped, batch.language)
    exam = [one for pair in others if (one := exam_question(pair, batch.language))]
    return Draft(document, seeds, exam[:EXAM], len(candidates), len(by_rule), dropped)


def rule_questions(document: Document, passages: Sequence[str], language: Language) -> Iterator[Proposed]:
    """Yield the questions that rules make of the sentences of a document's passages."""
    name = Path(document.name).stem.replace("_", " ").capitalize()
    title = next((block.text for block in read(markdown_of(document)) if block.kind == "heading"), name)
    by_passage = [sentences(passage, language) for passage in passages]
    within = {word for each in by_passage for sentence in each for word in WORD.findall(sentence)[1:]}
    named = {word for word in within if word[0].isupper()}
    for number, each in enumerate(by_passage):
        for sentence in dict.fromkeys(each):
            for one in questions_about(sentence, title, named, language):
                yield Proposed(number, one.question, sentence, one.wanted)


def _by_teacher(batch: Batch, pipeline: Pipeline, candidates: Sequence[Candidate]) -> Iterator[Proposed]:
    """Yield the teacher's questions that pass the filters."""
    with task("sentences that the teacher was asked about", len(candidates), "sentences") as advance:
        for place in range(0, len(candidates), pipeline.batch):
            part = list(candidates[place : place + pipeline.batch])
            for sample in run_batch(batch, pipeline, part):
                yield Proposed(int(sample.source), sample.messages[0][1], sample.messages[1][1])
            advance(len(part), "")


def passages_of(text: str) -> list[str]:
    """Return passages of a document, word for word: paragraphs, joined where they follow each other."""
    whole, found = _plain(text), list[str]()
    for paragraph in filter(whole.__contains__, map(_plain, paragraphs(text))):
        joined = f"{found[-1]} {paragraph}" if found else ""
        short = found and len(sentences(found[-1])) < ENOUGH_SENTENCES and len(joined) <= LONGEST_PASSAGE
        # A heading in a PDF is a paragraph without an end of a sentence.
        if short and joined in whole and sentence_ends(found[-1]):
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
    passages: Sequence[str], proposed: Sequence[Proposed], dropped: Counter[str], language: Language
) -> tuple[list[Seed], list[Proposed]]:
    """Return the passages with their questions, and the questions that are left for the exam."""
    seeds, others = [], []
    asked: set[str] = set()
    for number, passage in enumerate(passages):
        kept = []
        for one in proposed:
            if one.passage != number:
                continue
            if one.answer not in passage:
                dropped["not in the passage"] += 1
            elif normal(one.question) in asked:
                dropped["asked before"] += 1
            elif set(words(one.answer, language)) <= set(words(one.question, language)):
                dropped["gives away"] += 1
            else:
                asked.add(normal(one.question))
                kept.append(one)
        if kept:
            seeds.append(Seed(passage, tuple(QA(one.question, one.answer) for one in kept[:PAIRS])))
            others += kept[PAIRS:]
    return sorted(seeds, key=lambda seed: -len(seed.pairs)), others


def exam_question(one: Proposed, language: Language) -> ExamQuestion | None:
    """Return an exam question that requires a number or a name of the answer; None if there is neither."""
    new = key_words(one.question, one.answer, language)
    written = WORD.findall(one.wanted) or WORD.findall(one.answer)[1:]
    nouns = language.data.get("capitals") == "nouns"
    marked = [
        word
        for word in written
        if normal(word) in new and (any(char.isdigit() for char in word) or (word[0].isupper() and not nouns))
    ]
    if not marked:
        return None
    return ExamQuestion(one.question, Marking(must_contain=((marked[-1 if one.wanted else 0],),)))


def _plain(text: str) -> str:
    return " ".join(text.split())
