"""AdamW for a model whose weights are bfloat16: it keeps float32 copies and writes them back rounded.

An update is often smaller than bfloat16 can add to a weight; the copies collect what rounding would lose.
"""

from typing import Any

import torch

from bot.recipe import PhaseRecipe

# LAB's and everybody's; not worth a line in the recipe.
BETAS = (0.9, 0.95)
CLIP = 1.0


class MasterAdamW:
    """AdamW over a model's trainable weights, whatever their precision.

    Args:
        model: its weights are read now and written after every step.
    """

    def __init__(self, model: torch.nn.Module, phase: PhaseRecipe) -> None:
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.masters = [weight.detach().float().clone() for weight in self.weights]
        self.adamw = torch.optim.AdamW(
            self.masters, lr=phase.learning_rate, betas=BETAS, weight_decay=phase.weight_decay, fused=True
        )

    def step(self, learning_rate: float) -> float:
        """Apply the gradients and drop them.

        Returns:
            their norm before clipping.
        """
        for master, weight in zip(self.masters, self.weights, strict=True):
            master.grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None
        norm = torch.nn.utils.clip_grad_norm_(self.masters, CLIP)
        for group in self.adamw.param_groups:
            group["lr"] = learning_rate
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)
        self._write_back()
        return float(norm)

    def state(self) -> dict[str, Any]:
        return {"masters": self.masters, "adamw": self.adamw.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        for master, saved in zip(self.masters, state["masters"], strict=True):
            master.copy_(saved)
        self.adamw.load_state_dict(state["adamw"])
        self._write_back()

    @torch.no_grad()
    def _write_back(self) -> None:
        for master, weight in zip(self.masters, self.weights, strict=True):
            weight.copy_(master)
