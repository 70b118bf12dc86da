"""AdamW for a model whose weights are bfloat16: it keeps float32 copies and writes them back rounded.

An update is often smaller than bfloat16 can add to a weight; the copies collect what rounding would lose.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from bot.recipe import PhaseRecipe
from bot.train.checkpoint import STATES, Checkpoint

# LAB's and everybody's; not worth a line in the recipe.
BETAS = (0.9, 0.95)
CLIP = 1.0


class MasterAdamW:
    """AdamW over a model's trainable weights, whatever their precision.

    Args:
        model: its weights are read now and written after every step.
    """

    def __init__(self, model: torch.nn.Module, phase: PhaseRecipe) -> None:
        self.weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self.masters = {name: weight.detach().float().clone() for name, weight in self.weights.items()}
        self.adamw = torch.optim.AdamW(
            self.masters.values(),
            lr=phase.learning_rate,
            betas=BETAS,
            weight_decay=phase.weight_decay,
            fused=True,
        )

    def step(self, learning_rate: float) -> float:
        """Apply the gradients and drop them.

        Returns:
            their norm before clipping.
        """
        for name, weight in self.weights.items():
            master = self.masters[name]
            # An expert, say, that no sample came by has none; a checkpoint wants its moments, too.
            master.grad = torch.zeros_like(master) if weight.grad is None else weight.grad.float()
            weight.grad = None
        norm = torch.nn.utils.clip_grad_norm_(self.masters.values(), CLIP)
        for group in self.adamw.param_groups:
            group["lr"] = learning_rate
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)
        self._write_back()
        return float(norm)

    def states(self) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """What a checkpoint keeps of each weight."""
        for name, master in self.masters.items():
            kept = self.adamw.state[master]
            yield name, {"weight": master, **{state: kept[state] for state in STATES[1:]}}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from what a checkpoint kept."""
        for name, master in self.masters.items():
            kept = {state: tensor.to(master.device) for state, tensor in checkpoint.states(name).items()}
            master.copy_(kept.pop("weight"))
            step = torch.tensor(float(checkpoint.progress.step), device=master.device)
            self.adamw.state[master] = {"step": step, **kept}
        self._write_back()

    @torch.no_grad()
    def _write_back(self) -> None:
        for name, weight in self.weights.items():
            weight.copy_(self.masters[name])
