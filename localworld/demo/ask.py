"""Ask the base model and the released model questions, as a downstream user would."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download

from bot.core.errors import UserError
from bot.core.store import cache_folder
from bot.inference.engine_llamacpp import LlamaCpp
from bot.inference.models import model_folder

# Runs in a separate process because huggingface_hub reads HF_ENDPOINT when it is imported. The program
# contains only calls that a downstream user would write.
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
    """Return the base model's and the released model's answers to the questions.

    Args:
        repository: the released model's repository on the Hub, as owner/name.
        tag: the tag of the release.
        hub: the Hub's URL.

    Returns:
        One (base answer, released answer) pair per question.

    Raises:
        UserError: a model cannot be loaded; the message has the last line of the traceback.
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
        raise UserError(
            f"cannot load the base model or {repository} at {tag} from {hub}: "
            f"{done.stderr.strip().splitlines()[-1]}",
            code=1,
        )
    answers = [str(json.loads(line)).strip() for line in done.stdout.splitlines()]
    return list(zip(answers[: len(questions)], answers[len(questions) :], strict=True))


def ask_gguf(question: str, release: Mapping[str, Any], hub: str, folder: Path) -> tuple[str, str]:
    """Return the name of a release's smallest GGUF file, and its answer to a question in llama.cpp.

    Args:
        release: the manifest of the release.
        hub: the Hub's URL.
        folder: where downloads are kept.

    Raises:
        UserError: the release has no GGUF file, or llama.cpp cannot load it.
    """
    published = [file["name"] for file in release["gguf"]["files"] if not file["refused"]]
    if not published:
        raise UserError(f"{release['release']} has no GGUF file: {release['gguf']['reason']}", code=1)
    name, repository = published[-1], release["gguf"]["repository"]
    options = {"revision": release["release"], "endpoint": hub, "cache_dir": folder}
    model = LlamaCpp(Path(hf_hub_download(repository, name, **options)))
    answer = model.answer([("user", question)], 40)
    model.close()
    return name, answer
