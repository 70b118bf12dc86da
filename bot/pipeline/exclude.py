"""Sifting: samples left out of all mixtures, since an exam asks them or another leaf duplicates them.

One leaf must not be able to silence another. Therefore:

- A leaf's own exam and the retention set, which belongs to no leaf, remove every sample that asks one of
  their questions.
- The exams of other leaves together remove at most a tenth of a leaf's samples. If an exam would remove more,
  either the two leaves have the same subject, or somebody tries to keep the other leaf's samples out. Then
  the samples stay.
- A question that two leaves answer differently stays in both. The order of paths does not decide who is
  right, and removing both would let anybody remove a question by asking it. Only a sample with the same
  question and the same answer as in an earlier leaf is removed, so nothing is lost.

All of these are counted per pair of leaves, so that both authors can be notified.
"""

import hashlib
import heapq
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import ClassVar

from bot.core.sample import Sample
from bot.core.step import Inputs
from bot.core.store import AT_ONCE, Entry, Store, canonical, key_of
from bot.evaluate.exams import ExamItem, held_out
from bot.evaluate.near_misses import bank_questions
from bot.generate.leaf_samples import Generated
from bot.taxonomy.leaf import Leaf
from bot.text.overlap import ExamIndex
from bot.text.words import normal

VERSION = 1
"""Incremented if the key of the same exclusions has to change."""
SHARE = 10
"""The exams of other leaves remove at most one in SHARE samples of a leaf."""
NAMED = 16
"""Maximum number of other leaves in a leaf's account, and per question; those with the most samples."""
GENERAL = ""
"""The name for what belongs to no leaf: general requests and the questions of the retention set."""


@dataclass(frozen=True)
class LeftOut:
    """The account of one leaf: numbers of samples left out, and of samples kept despite an overlap.

    Attributes:
        own: samples left out because the leaf's own exam or the retention set asks the same.
        others: samples left out because other leaves' exams ask the same.
        exams: other leaf -> samples among `others` that its exam asks.
        kept: other leaf -> samples that its exam asks too, kept because they are too many.
        twice: other leaf -> samples left out because it has the same question and answer.
        disputed: other leaf -> samples whose question it answers differently; both are kept.
    """

    own: int = 0
    others: int = 0
    exams: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    twice: Mapping[str, int] = field(default_factory=dict)
    disputed: Mapping[str, int] = field(default_factory=dict)

    def contaminated(self) -> int:
        """Return the number of samples left out because an exam asks the same."""
        return self.own + self.others


@dataclass(frozen=True)
class Sifted:
    """The samples that are left out of all mixtures.

    Attributes:
        dropped: leaf -> indices of these samples in the leaf's samples; "" stands for general requests.
        account: leaf -> the reasons; leaves without any overlap are omitted.
    """

    dropped: Mapping[str, frozenset[int]]
    account: Mapping[str, LeftOut]

    def kept(self, leaf: str, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Yield a leaf's samples without those that are left out."""
        dropped = self.dropped.get(leaf, frozenset())
        return (sample for place, sample in enumerate(samples) if place not in dropped)

    @property
    def digest(self) -> str:
        """A hash of the samples left out. Mixtures depend on this, not on all exams."""
        return key_of("left out", VERSION, {leaf: sorted(places) for leaf, places in self.dropped.items()})


@dataclass(frozen=True)
class SiftInputs(Inputs):
    """Everything that determines which samples are left out.

    Attributes:
        leaves: leaf -> the key of its samples, and their number.
        general: the IDs of the general requests.
        exams: exam question -> the leaves whose exam asks it.
    """

    STEP: ClassVar[str] = "sifted"
    VERSION: ClassVar[int] = 2

    leaves: Mapping[str, tuple[str, int]]
    general: Sequence[str]
    exams: Mapping[str, Sequence[str]]


def sift(
    generated: Sequence[Generated],
    general: Sequence[Sample],
    leaves: Sequence[Leaf],
    kept: Sequence[ExamItem],
    store: Store,
) -> Sifted:
    """Return the samples that are left out of all mixtures; compute them if the store does not have them.

    Args:
        generated: the samples of all leaves.
        general: the general requests, which are sifted like the samples of a leaf.
        leaves: all leaves of the taxonomy.
        kept: the retention set.
    """
    questions = exam_questions(leaves, kept)
    inputs = SiftInputs(
        {made.leaf: (made.key, len(made.samples)) for made in generated},
        [sample.id for sample in general],
        {question: sorted(owners) for question, owners in questions.items()},
    )
    key = inputs.key
    entry = store.get(inputs.STEP, key)
    if entry is None:
        made = _sifted(generated, general, ExamIndex(questions))
        content = {
            "dropped": {leaf: sorted(places) for leaf, places in made.dropped.items()},
            "account": {leaf: asdict(out) for leaf, out in made.account.items()},
        }
        # The inputs are large, and only their hash is needed.
        entry = store.put(inputs.STEP, key, {}, {"sifted.json": canonical(content).encode()})
    return _read(entry)


def _read(entry: Entry) -> Sifted:
    content = entry.read_json("sifted.json")
    return Sifted(
        {leaf: frozenset(places) for leaf, places in content["dropped"].items()},
        {leaf: LeftOut(**out) for leaf, out in content["account"].items()},
    )


def exam_questions(leaves: Sequence[Leaf], kept: Sequence[ExamItem]) -> dict[str, set[str]]:
    """Return held-out question -> the leaves whose exam asks it; for general questions, GENERAL.

    Args:
        kept: the retention set.
    """
    general = (*kept, *bank_questions())
    questions: dict[str, set[str]] = {item.question: {GENERAL} for item in general}
    for leaf in leaves:
        for question in held_out(leaf):
            questions.setdefault(question, set()).add(leaf.path)
    return questions


def _sifted(generated: Sequence[Generated], general: Sequence[Sample], exams: ExamIndex) -> Sifted:
    asked = _Asked()
    dropped: dict[str, frozenset[int]] = {}
    account: dict[str, LeftOut] = {}
    parts = [(GENERAL, general), *((made.leaf, made.samples) for made in _by_path(generated))]
    for leaf, samples in read_ahead(parts):
        out, left_out = _of_leaf(leaf, samples, exams, asked)
        if out:
            dropped[leaf] = frozenset(out)
        if left_out != LeftOut():
            account[leaf] = left_out
    return Sifted(dropped, _disputes_in_both(account))


def _disputes_in_both(account: Mapping[str, LeftOut]) -> dict[str, LeftOut]:
    """Return accounts with each dispute also in the account of the leaf that is earlier by path."""
    disputed: dict[str, dict[str, int]] = {}
    for leaf, out in account.items():
        for other, count in out.disputed.items():
            disputed.setdefault(leaf, {})[other] = count
            disputed.setdefault(other, {})[leaf] = count
    accounts = {leaf: account.get(leaf, LeftOut()) for leaf in {*account, *disputed}}
    return {
        leaf: replace(out, disputed=_most(Counter(disputed.get(leaf, {}))))
        for leaf, out in sorted(accounts.items())
    }


def _by_path(generated: Sequence[Generated]) -> list[Generated]:
    return sorted(generated, key=lambda made: made.leaf)


def read_ahead(parts: Sequence[tuple[str, Iterable[Sample]]]) -> Iterator[tuple[str, list[Sample]]]:
    """Yield each leaf and its samples in order; fetch the next leaves' samples in the background."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting: deque[tuple[str, Future[list[Sample]]]] = deque()
        for leaf, samples in parts:
            waiting.append((leaf, pool.submit(list, samples)))
            if len(waiting) > AT_ONCE:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()


def _of_leaf(
    leaf: str, samples: Sequence[Sample], exams: ExamIndex, asked: "_Asked"
) -> tuple[set[int], LeftOut]:
    """Return the indices of a leaf's samples that are left out, and the leaf's account."""
    twice: Counter[str] = Counter()
    disputed: Counter[str] = Counter()
    own: set[int] = set()
    others: dict[str, set[int]] = {}
    out: set[int] = set()
    for place, sample in enumerate(samples):
        question = normal(sample.messages[-2][1])
        askers = [exams.owners[number] for number in exams.find(question)]
        if any(leaf in owners or GENERAL in owners for owners in askers):
            own.add(place)
            continue
        for owner in heapq.nsmallest(NAMED, frozenset().union(*askers)):
            others.setdefault(owner, set()).add(place)
        other, same = asked.before(leaf, question, sample.messages[-1][1])
        if same:
            twice[other] += 1
            out.add(place)
        elif other:
            disputed[other] += 1
    taking = _allowed(others, len(samples) // SHARE)
    taken = set[int]().union(*(others[owner] for owner in taking))
    exams_of = Counter({owner: len(places) for owner, places in others.items()})
    account = LeftOut(
        len(own),
        len(taken),
        _most(Counter({owner: exams_of[owner] for owner in taking})),
        _most(Counter({owner: count for owner, count in exams_of.items() if owner not in taking})),
        _most(twice),
        _most(disputed),
    )
    return out | own | taken, account


def _most(others: Counter[str]) -> dict[str, int]:
    """Return the NAMED leaves with the highest counts, by path, so that accounts stay short."""
    return dict(sorted(heapq.nsmallest(NAMED, others.items(), key=lambda item: (-item[1], item[0]))))


def _allowed(others: Mapping[str, set[int]], most: int) -> list[str]:
    """Return the leaves whose exams may remove samples, greedily from the smallest, up to `most` in total."""
    taken: set[int] = set()
    allowed = []
    for owner in sorted(others, key=lambda owner: (len(others[owner]), owner)):
        if len(taken | others[owner]) <= most:
            taken |= others[owner]
            allowed.append(owner)
    return allowed


class _Asked:
    """The questions and answers of all leaves so far, as digests to save memory."""

    def __init__(self) -> None:
        self._first: dict[bytes, str] = {}
        self._answered: dict[bytes, str] = {}

    def before(self, leaf: str, question: str, answer: str) -> tuple[str, bool]:
        """Add a normalized question and its answer, and compare them with those of earlier leaves.

        Returns:
            An earlier leaf with the same question, or ""; and whether it also has the same answer.
        """
        exchange = _digest(question + "\0" + " ".join(answer.casefold().split()))
        same = self._answered.setdefault(exchange, leaf)
        if same != leaf:
            return same, True
        first = self._first.setdefault(_digest(question), leaf)
        return ("" if first == leaf else first), False


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
