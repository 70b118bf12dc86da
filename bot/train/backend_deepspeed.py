"""The DeepSpeed engine of the training loop: weights, gradients and optimizer states are sharded (ZeRO)."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from bot.train.backend import Save
from bot.train.checkpoint import STATES, Progress, load_checkpoint, save_checkpoint
from bot.train.job import Job
from bot.train.optimizer import BETAS, CLIP


def join_group() -> None:
    """Join the group of the processes that train together, which the environment describes."""
    os.environ.setdefault("DS_ACCELERATOR", "cuda" if torch.cuda.is_available() else "cpu")
    import deepspeed

    # Use gloo: DeepSpeed's own operator would be compiled, which needs a compiler and takes a minute.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed("nccl" if torch.cuda.is_available() else "gloo")


class DeepSpeedBackend:
    """A DeepSpeed engine, configured by a profile and the recipe; see `Backend` for the functions."""

    def __init__(self, model: Any, job: Job, save: Save) -> None:
        self._save = save
        join_group()
        import deepspeed

        trained = [weight for weight in model.parameters() if weight.requires_grad]
        self.engine, self.optimizer, _, _ = deepspeed.initialize(
            model=model, model_parameters=trained, config=engine_config(job)
        )
        self.process_index, self.processes = int(self.engine.global_rank), job.processes

    def backward(self, loss: Tensor, *, last: bool) -> None:
        self.engine.set_gradient_accumulation_boundary(last)
        self.engine.backward(loss)

    def step(self, learning_rate: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.engine.step()
        return float(self.engine.get_global_grad_norm() or 0.0)

    def mean(self, value: float) -> float:
        total = torch.tensor(value, device=self.engine.device)
        torch.distributed.all_reduce(total)
        return float(total) / torch.distributed.get_world_size()

    def save(self, folder: Path, progress: Progress) -> None:
        """Write a checkpoint: all processes gather each weight, and the first one writes it."""
        states = self._states()
        if self.process_index == 0:
            save_checkpoint(folder, progress, states)
        else:
            deque(states, maxlen=0)
        torch.distributed.barrier()

    def _states(self) -> Iterator[tuple[str, dict[str, Tensor]]]:
        from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

        for name, weight in self._trained():
            moments = {key: safe_get_full_optimizer_state(weight, key) for key in STATES[1:]}
            yield name, {"weight": safe_get_full_fp32_param(weight), **moments}

    def restore(self, folder: Path) -> Progress | None:
        """Restore the newest checkpoint, which is unsharded: each process loads its shard."""
        checkpoint = load_checkpoint(folder)
        if checkpoint is None:
            return None
        self._begin_moments()
        for name, weight in self._trained():
            states = {key: state.to(weight.device) for key, state in checkpoint.states(name).items()}
            (self._restore_part if hasattr(weight, "ds_id") else self._restore_whole)(weight, states)
        for state in self.optimizer.optimizer.state.values():
            state["step"] = torch.tensor(float(checkpoint.progress.step))
        return checkpoint.progress

    def _begin_moments(self) -> None:
        """Create the moments, which ZeRO up to stage 2 otherwise creates in the first optimizer step."""
        inner = self.optimizer.optimizer
        for part in (part for group in inner.param_groups for part in group["params"]):
            if not inner.state[part]:
                inner.state[part] = {"step": torch.tensor(0.0)}
                inner.state[part] |= {key: torch.zeros_like(part) for key in STATES[1:]}
        if hasattr(self.optimizer, "_lazy_init_hp_params_optimizer_state"):
            self.optimizer._lazy_init_hp_params_optimizer_state()

    def _restore_whole(self, weight: Any, states: dict[str, Tensor]) -> None:
        """Restore a weight under ZeRO up to stage 2: only its optimizer states are sharded."""
        from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

        weight.data.copy_(states["weight"])
        safe_set_full_fp32_param(weight, states["weight"])
        for key in STATES[1:]:
            safe_set_full_optimizer_state(weight, states[key], key)

    def _restore_part(self, weight: Any, states: dict[str, Tensor]) -> None:
        """Restore a weight under ZeRO stage 3: it is sharded in equal parts, and the last part is padded."""
        from deepspeed.utils import safe_set_local_fp32_param, safe_set_local_optimizer_state

        size = weight.ds_tensor.numel()

        def own(state: Tensor) -> Tensor:
            flat = state.flatten()
            return pad(flat, (0, size * self.processes - flat.numel())).narrow(
                0, size * self.process_index, size
            )

        weight.ds_tensor.data.copy_(own(states["weight"]))
        safe_set_local_fp32_param(weight, own(states["weight"]))
        for key in STATES[1:]:
            safe_set_local_optimizer_state(weight, own(states[key]), key)

    def _trained(self) -> Iterator[tuple[str, Any]]:
        named = self.engine.module.named_parameters()
        return ((name, weight) for name, weight in named if weight.requires_grad)

    def write_model(self, folder: Path) -> None:
        """Save the model: all processes gather the weights, and the first one writes them."""
        import deepspeed

        model = self.engine.module
        with deepspeed.zero.GatheredParameters(list(model.parameters()), modifier_rank=0):
            if self.process_index == 0:
                self._save(model, folder)


def engine_config(job: Job) -> dict[str, Any]:
    """Return DeepSpeed's configuration: the profile's settings, and the recipe's."""
    return {
        **job.deepspeed,
        "train_micro_batch_size_per_gpu": 1,
        "gradient_clipping": CLIP,
        "bf16": {"enabled": job.precision == "bf16"},
        "optimizer": {
            "type": "AdamW",
            "params": {
                "lr": job.phase.learning_rate,
                "betas": BETAS,
                "weight_decay": job.phase.weight_decay,
                "torch_adam": True,
            },
        },
    }
