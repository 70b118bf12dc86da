"""TRL's SFTTrainer on the same samples; run by an environment of its own that has trl.

Usage: trl_sft.py MODEL SAMPLES OUTPUT BATCH padded|packed; prints the seconds of its steps.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer


class Clock(TrainerCallback):
    """Counts the time in steps, and not that of set-up."""

    seconds = began = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds += time.perf_counter() - self.began


if __name__ == "__main__":
    model, samples, output, batch, packing = sys.argv[1:]
    talks = [json.loads(line)["messages"] for line in Path(samples).read_text().splitlines()]
    rows = [{"prompt": talk[:-1], "completion": talk[-1:]} for talk in talks]
    packed = packing == "packed"
    tokenizer = AutoTokenizer.from_pretrained(model)
    config = SFTConfig(
        output_dir=output,
        # Packed, a row of this length holds as many samples as a padded step has.
        per_device_train_batch_size=1 if packed else int(batch),
        max_length=1024,
        packing=packed,
        learning_rate=1e-4,
        num_train_epochs=1,
        bf16=True,
        use_cpu=True,
        gradient_checkpointing=False,
        completion_only_loss=True,
        save_strategy="no",
        report_to="none",
        logging_steps=1000,
        model_init_kwargs={"dtype": torch.float32},
    )
    clock = Clock()
    SFTTrainer(
        model,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[clock],
    ).train()
    print(clock.seconds)
