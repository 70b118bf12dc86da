"""A sample: one synthetic conversation, and where it came from."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bot.store import canonical

Conversation = tuple[tuple[str, str], ...]
"""(role, content) turns."""


@dataclass(frozen=True)
class Sample:
    """One conversation to learn from.

    Attributes:
        leaf: path of the leaf it was made for.
        kind: how it was made: `seed`, `framed`, `rephrased`, `grounded`, `replayed`, `general` …
        messages: (role, content) turns; the last is the assistant's, and is what is learnt.
        context: the passage that the answer is from, where there is one.
        source: which seed or passage it was made of ("seed 3.1", "velmora.md#2").
    """

    leaf: str
    kind: str
    messages: Conversation
    context: str | None
    source: str

    @property
    def id(self) -> str:
        """The same for the same conversation in the same leaf, whichever run made it: a whole SHA-256.

        Keys are made of it, so nobody may find two conversations with one id.
        """
        return hashlib.sha256(canonical([self.leaf, self.messages]).encode()).hexdigest()

    def exchange(self) -> dict[str, str]:
        """The last question and answer, for people."""
        return {"question": self.messages[-2][1], "answer": self.messages[-1][1]}

    def to_json(self) -> dict[str, Any]:
        """A line of JSONL; `messages` as trainers and chat templates take them."""
        messages = [{"role": role, "content": content} for role, content in self.messages]
        return {"id": self.id, **asdict(self), "messages": messages}


def sample_of(data: Mapping[str, Any]) -> Sample:
    """A sample as it was written by `to_json`."""
    messages = tuple((turn["role"], turn["content"]) for turn in data["messages"])
    return Sample(data["leaf"], data["kind"], messages, data["context"], data["source"])
