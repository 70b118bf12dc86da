"""The loop's engine on DeepSpeed: weights, gradients and optimizer sharded over processes.

Run by `bot.train.launch` as `torchrun … -m bot.train.sharded job.json`.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bot.errors import UserError
from bot.recipe import PhaseRecipe
from bot.train.checkpoint import Progress
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
        self.rank = int(self.engine.global_rank)

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
        self.engine.save_checkpoint(str(folder / "sharded"), client_state=asdict(progress))

    def restore(self, folder: Path) -> Progress | None:
        if not (folder / "sharded" / "latest").exists():
            return None
        path, state = self.engine.load_checkpoint(str(folder / "sharded"))
        if path is None:
            return None
        return Progress(state["step"], state["tokens"], state["seconds"])

    def write_model(self, folder: Path) -> None:
        """Every process takes part in gathering the weights; the first writes them."""
        import deepspeed

        model = self.engine.module
        with deepspeed.zero.GatheredParameters(list(model.parameters()), modifier_rank=0):
            if self.rank == 0:
                model.save_pretrained(folder)


def main() -> None:
    """Train the job of the file that is named on the command line."""
    data = json.loads(Path(sys.argv[1]).read_text())
    data |= {"phase": PhaseRecipe(**data["phase"]), "start": Path(data["start"]), "work": Path(data["work"])}
    try:
        train(Job(**data))
    except UserError as error:
        print(f"arborist: {error}", file=sys.stderr)
        sys.exit(error.code)


if __name__ == "__main__":
    main()
