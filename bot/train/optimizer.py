"""AdamW with float32 master weights, for models whose weights are bfloat16.

Many updates are too small to change a bfloat16 weight; the float32 copies accumulate them.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from bot.config.recipe import PhaseRecipe
from bot.train.checkpoint import STATES, Checkpoint

# Common values, also used by LAB; therefore not settings of the recipe.
BETAS = (0.9, 0.95)
CLIP = 1.0


class MasterAdamW:
    """AdamW over a model's trainable weights, of any precision.

    Args:
        model: the model, whose weights are copied now and updated after every step.
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
        """Update the weights and clear the gradients.

        Returns:
            The gradients' norm before clipping.
        """
        for name, weight in self.weights.items():
            master = self.masters[name]
            # A weight may have no gradient (of an unused expert, say), but checkpoints need its moments.
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
        """Yield the name and the tensors to save of each weight; see STATES."""
        for name, master in self.masters.items():
            kept = self.adamw.state[master]
            yield name, {"weight": master, **{state: kept[state] for state in STATES[1:]}}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Restore weights and moments from a checkpoint."""
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
