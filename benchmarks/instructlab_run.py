"""InstructLab's training on the same samples; run by an environment of its own that has instructlab-training.

Usage: instructlab_run.py MODEL SAMPLES OUTPUT
"""

import sys
from pathlib import Path

from instructlab.training import TorchrunArgs, TrainingArgs, run_training

if __name__ == "__main__":
    model, samples, output = sys.argv[1:]
    Path(output).mkdir()
    run_training(
        torch_args=TorchrunArgs(
            nnodes=1, nproc_per_node=1, node_rank=0, rdzv_id=1, rdzv_endpoint="127.0.0.1:0"
        ),
        train_args=TrainingArgs(
            model_path=model,
            data_path=samples,
            ckpt_output_dir=output,
            data_output_dir=output,
            max_seq_len=1024,
            max_batch_len=1024,
            num_epochs=1,
            effective_batch_size=12,
            save_samples=0,
            learning_rate=1e-4,
            warmup_steps=0,
            disable_flash_attn=True,
        ),
    )
