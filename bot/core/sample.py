"""Samples: synthetic conversations for training, each with its source."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bot.core.store import canonical

KEPT = ("general", "replayed")
"""Kinds of samples of what the model already knows and is to keep."""
Conversation = tuple[tuple[str, str], ...]
"""(role, content) turns."""


@dataclass(frozen=True)
class Sample:
    """One training conversation.

    Attributes:
        leaf: path of the leaf that the sample belongs to.
        kind: how the sample was made: `seed`, `framed`, `rephrased`, `grounded`, `replayed`, `general` …
        messages: (role, content) turns; the last is the assistant's answer, the only turn that is trained on.
        context: the passage that the answer comes from, if any.
        source: the seed or passage that the sample was made from ("seed 3.1", "velmora.md#2").
    """

    leaf: str
    kind: str
    messages: Conversation
    context: str | None
    source: str

    @property
    def id(self) -> str:
        """SHA-256 of the leaf's path and the conversation, in hex; equal samples of different runs share it.

        The hash is not shortened: store keys depend on it, so collisions must be infeasible to construct.
        """
        return hashlib.sha256(canonical([self.leaf, self.messages]).encode()).hexdigest()

    def exchange(self) -> dict[str, str]:
        """Return the last question and answer, for display."""
        return {"question": self.messages[-2][1], "answer": self.messages[-1][1]}

    def to_json(self) -> dict[str, Any]:
        """Convert to a JSON object; `messages` is in the format of chat templates and trainers."""
        messages = [{"role": role, "content": content} for role, content in self.messages]
        return {"id": self.id, **asdict(self), "messages": messages}


def sample_of(data: Mapping[str, Any]) -> Sample:
    """Convert a JSON object written by `Sample.to_json` back to a sample."""
    messages = tuple((turn["role"], turn["content"]) for turn in data["messages"])
    return Sample(data["leaf"], data["kind"], messages, data["context"], data["source"])
