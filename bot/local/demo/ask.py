"""Ask the base and the released model the same questions, as a downstream user would."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from bot.errors import UserError
from bot.models import model_folder
from bot.store import cache_folder

# A program of its own, since huggingface_hub reads HF_ENDPOINT when it is imported: here it is what a
# downstream user types.
PROGRAM = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer

questions, *models = json.load(sys.stdin)
for name, revision in models:
    tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
    model = AutoModelForCausalLM.from_pretrained(name, revision=revision)
    for question in questions:
        chat = [{"role": "user", "content": question}]
        options = {"add_generation_prompt": True, "return_dict": True, "return_tensors": "pt"}
        prompt = tokenizer.apply_chat_template(chat, **options)
        output = model.generate(**prompt, max_new_tokens=40, do_sample=False)
        answer = output[0, prompt["input_ids"].shape[1] :]
        print(json.dumps(tokenizer.decode(answer, skip_special_tokens=True)))
"""


def ask_both(questions: Sequence[str], repository: str, tag: str, hub: str) -> list[tuple[str, str]]:
    """The base model's answers, each with that of the model released under a tag on a Hub.

    Raises:
        UserError: a model cannot be loaded, with the loader's last line.
    """
    models = [(str(model_folder("embedded")), None), (repository, tag)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([questions, *models]),
        env={**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(cache_folder() / "demo-hub")},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise UserError(f"loading the models failed: {done.stderr.strip().splitlines()[-1]}", code=1)
    answers = [str(json.loads(line)).strip() for line in done.stdout.splitlines()]
    return list(zip(answers[: len(questions)], answers[len(questions) :], strict=True))
