"""Candidates for samples in a pipeline, and the record of dropped candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bot.generate.exit_check import UNSAFE, approved_in
from bot.generate.leaf_language import LeafLanguage, language_of_leaf
from bot.generate.prompting import Prompts, Turns
from bot.generate.seed_shape import Shape, shape_of
from bot.inference.engine import Engine, Request, Response
from bot.taxonomy.leaf import QA, Leaf, Seed
from bot.text.analysis import words
from bot.text.language import Language
from bot.text.safety import CHAT_TOKEN

SAFETY = "safety"
"""Name of the filter that drops content which must not be used for training."""
NO_ANSWER = "no answer"
"""The reported filter if the teacher failed to answer, but may answer in another run."""
ANSWERS = ("answer", "answer_from", "respond")
"""The prompts that ask for an answer, which is in the language of the seeds' answers."""
REFUSED = "refused"
"""The reported filter if the teacher rejected the request, and would reject it again."""


@dataclass(frozen=True)
class Candidate:
    """A potential sample; each block of a pipeline fills in more of its fields.

    Attributes:
        source: the seed or passage that it is made from.
        kind: how it is made; becomes the sample's kind.
        text: the teacher's input: a seed's question, a sentence, or a view of a passage.
        passage: the passage with the answer; for a grounded skill, the context.
        begin: prescribed beginning of the question; "" for none.
        names: words that the question must contain.
        finished: whether the teacher ended its last answer itself, rather than reaching the token limit.
        answers: all answers, if the teacher was asked more than once.
    """

    source: str
    kind: str
    text: str = ""
    question: str = ""
    answer: str = ""
    passage: str | None = None
    begin: str = ""
    names: tuple[str, ...] = ()
    finished: bool = True
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drop:
    """A candidate that was dropped: the filter's name, the candidate's question or text, and the reason."""

    filter: str
    question: str
    reason: str


@dataclass
class Batch:
    """Shared state of the blocks while they process one batch.

    Attributes:
        drops: the candidates dropped so far.
        tokens: number of tokens that the teacher generated so far.
        asked: the questions of this batch so far, in normal form.
    """

    leaf: Leaf
    teacher: Engine
    temperature: float
    prompts: Prompts
    drops: list[Drop] = field(default_factory=list)
    tokens: int = 0
    asked: set[str] = field(default_factory=set)

    @cached_property
    def spoken(self) -> LeafLanguage:
        """The languages of the leaf's questions, answers and contexts."""
        return language_of_leaf(self.leaf)

    @property
    def language(self) -> Language:
        """The language of the leaf's questions."""
        return self.spoken.asked

    @cached_property
    def shape(self) -> Shape:
        """What the seeds' answers have in common."""
        return shape_of(self.leaf)

    @property
    def spaced(self) -> bool:
        """Whether the leaf's language has spaces between words."""
        return bool(self.language.data.get("spaced", True))

    def words(self, text: str) -> list[str]:
        """Return the words of a text in the leaf's language, without function words."""
        return words(text, self.language)

    @cached_property
    def approved(self) -> frozenset[str]:
        """Personal data and instructions that samples may contain; see `exit_check.approved_in`."""
        return approved_in([self.leaf])

    @cached_property
    def pairs(self) -> list[tuple[Seed, QA]]:
        """All question-answer pairs of the leaf, each with its seed."""
        return [(seed, pair) for seed in self.leaf.seeds for pair in seed.pairs]

    def turns(self, prompt: str, examples: Sequence[Mapping[str, Any]] = (), **values: Any) -> Turns:
        """Render a prompt; if the text asked for is not to be in English, it asks for its language.

        Args:
            prompt: name of the prompt, without `.yaml`.
            examples: values of each few-shot example.
            values: values of the other turns.
        """
        wanted = self.spoken.answered if prompt in ANSWERS else self.language
        language = wanted.name if wanted.code not in ("", "en") else ""
        return self.prompts.turns(prompt, examples, language=language, **values)

    def ask(
        self, candidates: Sequence[Candidate], requests: Sequence[Request]
    ) -> list[tuple[Candidate, Response]]:
        """Send one request per candidate to the teacher.

        Candidates without an answer are dropped. Requests that contain a chat template token are not sent,
        since a teacher behind an endpoint applies its own chat template.

        Returns:
            The other candidates in order, each with its response.
        """
        answered, sent = [], []
        for candidate, request in zip(candidates, requests, strict=True):
            if any(CHAT_TOKEN.search(text) for _, text in request.messages):
                self.drop(candidate, UNSAFE, "the request to the teacher contains a chat template token")
            else:
                sent.append((candidate, request))
        responses = self.teacher.complete([request for _, request in sent]) if sent else ()
        for response in sorted(responses, key=lambda r: r.index):
            self.tokens += response.tokens
            candidate = sent[response.index][0]
            if response.failure:
                filter_ = NO_ANSWER if response.again else REFUSED
                self.drop(candidate, filter_, response.failure)
            else:
                answered.append((candidate, response))
        return answered

    def drop(self, candidate: Candidate, filter_: str, reason: str) -> None:
        """Record a candidate as dropped."""
        # Drops are shown in public comments, so unsafe content is replaced by its source.
        shown = candidate.source if filter_ in (UNSAFE, SAFETY) else self.new_in(candidate) or candidate.text
        self.drops.append(Drop(filter_, shown, reason))

    def new_in(self, candidate: Candidate) -> str:
        """Return the part that the teacher invented: for a grounded skill the context, else the question."""
        return (candidate.passage or "") if self.leaf.grounded else candidate.question
