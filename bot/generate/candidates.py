"""Candidates for samples on their way through a pipeline, and what becomes of those that are not taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bot.generate.exit_check import UNSAFE, approved_in
from bot.generate.language import English, Language, language_of
from bot.generate.prompting import Prompts, Turns
from bot.safety import CHAT_TOKEN
from bot.taxonomy.leaf import QA, Leaf, Seed
from bot.teachers import Request, Response, Teacher

SAFETY = "safety"
"""The filter that takes what must not be learnt."""
NO_ANSWER = "no answer"
"""The filter's name where the teacher could not be had, which another run may mend."""
REFUSED = "refused"
"""Likewise where it will not answer this, whenever it is asked."""


@dataclass(frozen=True)
class Candidate:
    """What may become a sample; each block fills in more of it.

    Attributes:
        source: which seed or passage it is made of.
        kind: how it is made; becomes the sample's.
        text: what the teacher is shown: a seed's question, a sentence, a view of a passage.
        passage: where the answer is from; the context of a grounded skill.
        begin: how the question begins, where that is given.
        names: what the question must name.
        finished: whether the teacher's last answer came to an end of its own.
        answers: all answers, where it was asked more than once.
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
    """A candidate that a filter took."""

    filter: str
    question: str
    reason: str


@dataclass
class Batch:
    """What the blocks share while one batch goes through them.

    Attributes:
        drops: what was taken so far, and by which filter.
        tokens: what the teacher wrote so far.
        asked: what was asked in this batch so far, in normal form.
    """

    leaf: Leaf
    teacher: Teacher
    temperature: float
    prompts: Prompts
    drops: list[Drop] = field(default_factory=list)
    tokens: int = 0
    asked: set[str] = field(default_factory=set)

    @cached_property
    def language(self) -> Language:
        """What the leaf is written in."""
        return language_of([pair.question + " " + pair.answer for _, pair in self.pairs]) or English

    @cached_property
    def approved(self) -> frozenset[str]:
        """What samples may hold since the leaf's seed examples do; see `bot.generate.exit_check`."""
        return approved_in([self.leaf])

    @cached_property
    def pairs(self) -> list[tuple[Seed, QA]]:
        """The leaf's questions with their answers, each with its seed."""
        return [(seed, pair) for seed in self.leaf.seeds for pair in seed.pairs]

    def turns(self, prompt: str, examples: Sequence[Mapping[str, Any]] = (), **values: Any) -> Turns:
        """A prompt's conversation, which asks for the leaf's language where that is not English."""
        language = "" if self.language == English else self.language.name
        return self.prompts.turns(prompt, examples, language=language, **values)

    def ask(
        self, candidates: Sequence[Candidate], requests: Sequence[Request]
    ) -> list[tuple[Candidate, Response]]:
        """Each candidate with the response to its request, in order; those without an answer are dropped.

        A teacher behind an endpoint has a chat template of its own, so no text that spells a template's
        token is sent to it.
        """
        answered, sent = [], []
        for candidate, request in zip(candidates, requests, strict=True):
            if any(CHAT_TOKEN.search(text) for _, text in request.messages):
                self.drop(
                    candidate, UNSAFE, "a token of a chat template is in what the teacher would be asked"
                )
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
        """Account for a candidate that is not taken."""
        # What must not be learnt is not repeated in a public comment either.
        what = candidate.source if filter_ in (UNSAFE, SAFETY) else self.new_in(candidate) or candidate.text
        self.drops.append(Drop(filter_, what, reason))

    def new_in(self, candidate: Candidate) -> str:
        """What is new in it: the context of a grounded skill, else the question."""
        return (candidate.passage or "") if self.leaf.grounded else candidate.question
