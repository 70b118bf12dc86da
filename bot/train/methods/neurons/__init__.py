"""New neurons: each feed-forward block gets additional neurons, and only these are trained.

blocks.py adds the neurons, gates.py computes their gates, ensemble.py trains several sets of neurons, and
trunk.py caches the output of the layers below them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.sample import KEPT, Conversation
from bot.train.job import Job

UPPER = 0.6
"""The share of layers in which new neurons are trained; the output of the others is cached (trunk.py)."""


@dataclass(frozen=True)
class Neurons:
    """New neurons; see `Method` for the functions.

    Attributes:
        count: number of new neurons per block.
    """

    count: int

    def prepare(self, model: Any, job: Job, *, grown: bool) -> Any:
        from bot.train.attention import NAME as PACKED
        from bot.train.methods.neurons.blocks import add_neurons, load_gates, trained_layers
        from bot.train.methods.neurons.trunk import Trunk

        add_neurons(model, self.count, job.seed, load_gates(job.work))
        lower = trained_layers(model).start
        # With several processes, sharded layers must be computed by all of them, so nothing is cached.
        cacheable = job.processes == 1 and not grown and not job.phase.noise
        if lower and cacheable and model.config._attn_implementation == PACKED:
            Trunk(model, lower)
        return model

    def learns(self, kind: str) -> bool:
        return kind not in KEPT  # the gates are closed on these

    def save(self, model: Any, folder: Path) -> None:
        from bot.train.methods.neurons.blocks import joined

        model.save_pretrained(folder, state_dict=joined(model))

    def new_weights(self, area: float) -> float:
        return 3 * self.count * area  # a gated neuron has three vectors

    def operations(self, forward: float, processes: int) -> float:
        # No backward pass below the trained layers; a single process caches the forward pass there.
        return (forward if processes > 1 else forward * UPPER) + 2 * UPPER

    def run(self, job: Job, kept: Sequence[Conversation], train: Callable[[Job], None]) -> None:
        from bot.train.methods.neurons.ensemble import train_sets
        from bot.train.methods.neurons.gates import write_gates

        def find_gates(of: Job) -> None:
            if kept:
                write_gates(of, kept)

        if job.phase.ensemble > 1:
            train_sets(job, job.phase.ensemble, find_gates, train)
        else:
            find_gates(job)
            train(job)
