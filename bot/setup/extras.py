"""The extras of this package that a job needs, depending on its recipe.

The set-up step (.github/actions/setup) first installs the core, and then runs
`python -m bot.setup.extras KIND` in a folder with the recipe, which prints the extras on one line.
"""

import sys
from pathlib import Path

from bot.config.load import load_recipe
from bot.config.profiles import profile_of
from bot.config.recipe import Recipe
from bot.core.errors import UserError, run_program
from bot.inference.models import EMBEDDED

ALONE = ("lint", "reap", "propose", "rollback")
"""Jobs that need the core alone. Their recipe is not read: it may be invalid, and lint reports that."""
READING = ("report", "command", "decide", "publish", "announce")
"""Jobs that read the store."""
TEACHING = ("sample", "draft", "train")
"""Jobs that generate and train. Some also run the student, so a client for the teacher is never enough."""
TRAINING = "train"
"""The job that makes the model of a release, and examines it also with retrieval."""
RELEASING = "publish"
"""The job that releases, and therefore signs."""
KINDS = (*ALONE, *READING, *TEACHING)
_STORES = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "hf": "", "file": "", "memory": ""}
"""The extra for each protocol of a store; empty if none is needed."""


def extras(kind: str, recipe: Path = Path("arborist.yaml")) -> list[str]:
    """Return the extras that a job needs.

    Args:
        kind: the kind of job, one of KINDS.

    Raises:
        UserError: the kind is unknown, the recipe cannot be read, or the protocol of its store is unknown.
    """
    if kind not in KINDS:
        raise UserError(f"unknown kind of job {kind!r}; use one of {', '.join(KINDS)}")
    if kind in ALONE:
        return []
    loaded = load_recipe(recipe)
    found = [_store(loaded.store_url())]
    if kind in TEACHING:
        found += ["train", *_engines(kind, loaded)]
    if kind == TRAINING:
        found += _retrieval(loaded)
    if kind == RELEASING:
        found.append("release")
    return sorted(filter(None, found))


def _store(url: str) -> str:
    protocol, separator, _ = url.partition("://")
    if not separator:
        return ""
    if protocol not in _STORES:
        known = ", ".join(f"{name}://" for name in _STORES)
        raise UserError(
            f"the store {url}: the protocol {protocol}:// is not supported; use a folder or one of {known}"
        )
    return _STORES[protocol]


def _engines(kind: str, recipe: Recipe) -> list[str]:
    teacher = ["vllm"] if recipe.teacher.engine == "vllm" else []
    teacher += ["ray"] if recipe.engine == "ray" else []
    if kind != TRAINING:
        return teacher
    trainer = ["deepspeed"] if profile_of(recipe).deepspeed else []
    converter = ["gguf"] if recipe.release.gguf else []
    return teacher + trainer + converter + (["lm-eval"] if recipe.evaluate.tasks else [])


def _retrieval(recipe: Recipe) -> list[str]:
    if not recipe.retrieval.passages:
        return []
    return ["rag"] if recipe.retrieval.encoder == EMBEDDED else ["rag", "sentence-transformers"]


def main() -> None:
    """Print the extras for the kind of job in the command line."""
    print(" ".join(extras(" ".join(sys.argv[1:]))))


if __name__ == "__main__":
    run_program(main)
