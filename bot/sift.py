"""What is left out of every mixture: exam questions, and what two leaves teach in the same words.

One leaf must not be able to silence another. So:

- A leaf's own exam, and the retention set that no leaf owns, take every sample that asks one of their
  questions.
- The exams of other leaves take at most a tenth of a leaf's samples together. Where an exam would take more,
  the two leaves are about the same thing, or somebody wants to keep the other's samples out: then the samples
  stay.
- A question that two leaves answer differently stays in both. The order of paths does not say who is right,
  and leaving out both would let anybody remove a question by asking it. Only the same question with the same
  answer is learnt once, so nothing is lost.

Each of these is counted by leaf and by the other leaf, so that both authors can be told.
"""

import hashlib
import heapq
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace

from bot.evaluate.exams import retention
from bot.generate.generated import Generated
from bot.generate.sample import Sample
from bot.overlap import ExamIndex
from bot.store import AT_ONCE, Entry, Store, canonical, key_of
from bot.taxonomy.leaf import Leaf
from bot.words import normal

VERSION = 1
SHARE = 10
"""The exams of other leaves take at most one of so many samples."""
NAMED = 16
"""Other leaves that are named in a leaf's account, and for one question; those with most samples."""
GENERAL = ""
"""The name of what no leaf owns: general requests, and the retention set's questions."""


@dataclass(frozen=True)
class LeftOut:
    """What was left out of one leaf's samples, and what was not though another leaf is concerned.

    Attributes:
        own: samples that ask what the leaf's own exam or the retention set asks.
        others: samples left out because other leaves' exams ask the same.
        exams: other leaf -> how many of these its exam asks.
        kept: other leaf -> samples that its exam asks, too, and that stay, since they are too many.
        twice: other leaf -> samples left out because it has the same question and answer.
        disputed: other leaf -> questions that it answers otherwise; both stay.
    """

    own: int = 0
    others: int = 0
    exams: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    twice: Mapping[str, int] = field(default_factory=dict)
    disputed: Mapping[str, int] = field(default_factory=dict)

    def contaminated(self) -> int:
        """How many samples came too near to an exam."""
        return self.own + self.others


@dataclass(frozen=True)
class Sifted:
    """Which samples go into no mixture.

    Attributes:
        dropped: leaf -> places of these samples among all of the leaf; "" stands for general requests.
        account: leaf -> why; leaves of which there is nothing to tell are not in it.
    """

    dropped: Mapping[str, frozenset[int]]
    account: Mapping[str, LeftOut]

    def kept(self, leaf: str, samples: Iterable[Sample]) -> Iterator[Sample]:
        """A leaf's samples without those that are left out."""
        dropped = self.dropped.get(leaf, frozenset())
        return (sample for place, sample in enumerate(samples) if place not in dropped)

    @property
    def digest(self) -> str:
        """What is left out, as a key: an exam that takes nothing changes no mixture."""
        return key_of("left out", VERSION, {leaf: sorted(places) for leaf, places in self.dropped.items()})


def sift(
    generated: Sequence[Generated], general: Sequence[Sample], leaves: Sequence[Leaf], store: Store
) -> Sifted:
    """Decide which samples are left out; stored under its key.

    Args:
        general: general requests; of them too what an exam asks is left out.
    """
    questions = exam_questions(leaves)
    inputs = {
        "leaves": {made.leaf: [made.key, len(made.samples)] for made in generated},
        "general": [sample.id for sample in general],
        "exams": {question: sorted(owners) for question, owners in questions.items()},
    }
    key = key_of("sifted", VERSION, inputs)
    entry = store.get("sifted", key)
    if entry is None:
        made = _sifted(generated, general, ExamIndex(questions))
        content = {
            "dropped": {leaf: sorted(places) for leaf, places in made.dropped.items()},
            "account": {leaf: asdict(told) for leaf, told in made.account.items()},
        }
        # The inputs are long and only their hash is asked for.
        entry = store.put("sifted", key, {}, {"sifted.json": canonical(content).encode()})
    return _read(entry)


def _read(entry: Entry) -> Sifted:
    content = entry.read_json("sifted.json")
    return Sifted(
        {leaf: frozenset(places) for leaf, places in content["dropped"].items()},
        {leaf: LeftOut(**told) for leaf, told in content["account"].items()},
    )


def exam_questions(leaves: Sequence[Leaf]) -> dict[str, set[str]]:
    """Every held-out question, and the leaves that hold it out; the retention set is nobody's."""
    questions: dict[str, set[str]] = {item.question: {GENERAL} for item in retention()}
    for leaf in leaves:
        for question in leaf.exam:
            questions.setdefault(question.question, set()).add(leaf.path)
    return questions


def _sifted(generated: Sequence[Generated], general: Sequence[Sample], exams: ExamIndex) -> Sifted:
    asked = _Asked()
    dropped: dict[str, frozenset[int]] = {}
    account: dict[str, LeftOut] = {}
    parts = [(GENERAL, general), *((made.leaf, made.samples) for made in _by_path(generated))]
    for leaf, samples in read_ahead(parts):
        out, told = _of_leaf(leaf, samples, exams, asked)
        if out:
            dropped[leaf] = frozenset(out)
        if told != LeftOut():
            account[leaf] = told
    return Sifted(dropped, _told_twice(account))


def _told_twice(account: Mapping[str, LeftOut]) -> dict[str, LeftOut]:
    """Disputed questions in the account of the leaf that was first by path, too."""
    disputed: dict[str, dict[str, int]] = {}
    for leaf, told in account.items():
        for other, count in told.disputed.items():
            disputed.setdefault(leaf, {})[other] = count
            disputed.setdefault(other, {})[leaf] = count
    told_of = {leaf: account.get(leaf, LeftOut()) for leaf in {*account, *disputed}}
    return {
        leaf: replace(told, disputed=_most(Counter(disputed.get(leaf, {}))))
        for leaf, told in sorted(told_of.items())
    }


def _by_path(generated: Sequence[Generated]) -> list[Generated]:
    return sorted(generated, key=lambda made: made.leaf)


def read_ahead(parts: Sequence[tuple[str, Iterable[Sample]]]) -> Iterator[tuple[str, list[Sample]]]:
    """Each leaf's samples in turn; those of the next leaves are fetched from the store meanwhile."""
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
    """The places of a leaf's samples that are left out, and why."""
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
    told = LeftOut(
        len(own),
        len(taken),
        _most(Counter({owner: exams_of[owner] for owner in taking})),
        _most(Counter({owner: count for owner, count in exams_of.items() if owner not in taking})),
        _most(twice),
        _most(disputed),
    )
    return out | own | taken, told


def _most(others: Counter[str]) -> dict[str, int]:
    """The leaves that matter most, by path: a leaf that meets all others must not make the account long."""
    return dict(sorted(heapq.nsmallest(NAMED, others.items(), key=lambda item: (-item[1], item[0]))))


def _allowed(others: Mapping[str, set[int]], most: int) -> list[str]:
    """The leaves whose exams may take what they ask: those that take least first, as long as it is little."""
    taken: set[int] = set()
    allowed = []
    for owner in sorted(others, key=lambda owner: (len(others[owner]), owner)):
        if len(taken | others[owner]) <= most:
            taken |= others[owner]
            allowed.append(owner)
    return allowed


class _Asked:
    """Which leaf asked a question first, and with which answers; by digests, for there are many."""

    def __init__(self) -> None:
        self._first: dict[bytes, str] = {}
        self._answered: dict[bytes, str] = {}

    def before(self, leaf: str, question: str, answer: str) -> tuple[str, bool]:
        """An earlier leaf with this normal question, or ""; and whether it has this answer, too."""
        exchange = _digest(question + "\0" + " ".join(answer.casefold().split()))
        same = self._answered.setdefault(exchange, leaf)
        if same != leaf:
            return same, True
        first = self._first.setdefault(_digest(question), leaf)
        return ("" if first == leaf else first), False


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
