"""The loop's engine on DeepSpeed: weights, gradients and optimizer sharded over processes.

Run by `bot.train.launch` as `torchrun … -m bot.train.sharded job.json`.
"""

import json
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from bot.errors import plainly
from bot.recipe import PhaseRecipe
from bot.train.checkpoint import STATES, Progress, load_checkpoint, save_checkpoint
from bot.train.engines import write_whole
from bot.train.loop import Job, train
from bot.train.optimizer import BETAS, CLIP


class ShardedEngine:
    """A DeepSpeed engine by a profile from runners/deepspeed/."""

    def __init__(self, model: Any, job: Job) -> None:
        os.environ.setdefault("DS_ACCELERATOR", "cuda" if torch.cuda.is_available() else "cpu")
        import deepspeed

        config = json.loads(Path(job.deepspeed).read_text()) | {
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
        # gloo will do; DeepSpeed's own operator would be compiled first, which needs a compiler and a minute.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        deepspeed.init_distributed("nccl" if torch.cuda.is_available() else "gloo")
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        self.engine, self.optimizer, _, _ = deepspeed.initialize(
            model=model, model_parameters=trained, config=config
        )
        self.rank, self.processes = int(self.engine.global_rank), job.processes

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
        """Every process takes part in gathering each weight; the first writes them."""
        states = self._states()
        if self.rank == 0:
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
        """Each process takes its part of what was whole, whoever wrote it."""
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
        """Up to stage 2 they come into being with the first step, and here there has been none."""
        inner = self.optimizer.optimizer
        for part in (part for group in inner.param_groups for part in group["params"]):
            if not inner.state[part]:
                inner.state[part] = {"step": torch.tensor(0.0)}
                inner.state[part] |= {key: torch.zeros_like(part) for key in STATES[1:]}
        if hasattr(self.optimizer, "_lazy_init_hp_params_optimizer_state"):
            self.optimizer._lazy_init_hp_params_optimizer_state()

    def _restore_whole(self, weight: Any, states: dict[str, Tensor]) -> None:
        """ZeRO up to stage 2: the weight is whole in every process, its optimizer's state is not."""
        from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

        weight.data.copy_(states["weight"])
        safe_set_full_fp32_param(weight, states["weight"])
        for key in STATES[1:]:
            safe_set_full_optimizer_state(weight, states[key], key)

    def _restore_part(self, weight: Any, states: dict[str, Tensor]) -> None:
        """ZeRO 3: each process holds an equal part of everything; the last one's is padded."""
        from deepspeed.utils import safe_set_local_fp32_param, safe_set_local_optimizer_state

        size = weight.ds_tensor.numel()

        def own(state: Tensor) -> Tensor:
            flat = state.flatten()
            return pad(flat, (0, size * self.processes - flat.numel())).narrow(0, size * self.rank, size)

        weight.ds_tensor.data.copy_(own(states["weight"]))
        safe_set_local_fp32_param(weight, own(states["weight"]))
        for key in STATES[1:]:
            safe_set_local_optimizer_state(weight, own(states[key]), key)

    def _trained(self) -> Iterator[tuple[str, Any]]:
        named = self.engine.module.named_parameters()
        return ((name, weight) for name, weight in named if weight.requires_grad)

    def write_model(self, folder: Path) -> None:
        """Every process takes part in gathering the weights; the first writes them."""
        import deepspeed

        model = self.engine.module
        with deepspeed.zero.GatheredParameters(list(model.parameters()), modifier_rank=0):
            if self.rank == 0:
                write_whole(model, folder)


def read_job(text: str) -> Job:
    """A job as `launch` writes it down."""
    data = json.loads(text)
    data |= {"phase": PhaseRecipe(**data["phase"])}
    return Job(**data | {name: Path(data[name]) for name in ("start", "work", "base")})


def main() -> None:
    """Train the job of the file that is named on the command line."""
    threading.Thread(target=_end_with_launcher, daemon=True).start()
    if torch.cuda.is_available():
        # Before anything is loaded, or all processes would load it to the first GPU.
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    plainly(lambda: train(read_job(Path(sys.argv[1]).read_text())))
    torch.distributed.destroy_process_group()


def _end_with_launcher() -> None:
    """End when the process that launched all this is gone, however it went: torchrun would go on without it.

    Nothing is ever written to this standard input; it ends when nobody is left who could write.
    """
    # Not sys.stdin, whose lock this thread would still hold when the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
