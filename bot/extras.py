"""Which extras of this package a job needs, by its recipe.

The set-up step (.github/actions/setup) installs the core first, and then asks this module by
`python -m bot.extras KIND`, in a folder with the recipe. It prints the extras in one line.
"""

import sys
from pathlib import Path

from bot.errors import UserError, plainly
from bot.recipe import Recipe, load_recipe

ALONE = ("lint", "reap")
"""Kinds of jobs that need no recipe, which may be broken: lint is what reports that."""
READING = ("report", "command")
"""Those that read the store."""
TEACHING = ("sample", "retrain")
"""Those that generate and train. In both the student answers, so a client for the teacher is never enough."""
KINDS = (*ALONE, *READING, *TEACHING)
_STORES = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "hf": "", "file": "", "memory": ""}
"""The extra for each kind of store that set-up can install."""


def extras(kind: str, recipe: Path = Path("arborist.yaml")) -> list[str]:
    """The extras that a job of this kind needs.

    Args:
        kind: one of KINDS.

    Raises:
        UserError: there is no such kind of job, the recipe cannot be read, or its store is of no known kind.
    """
    if kind not in KINDS:
        raise UserError(f"there is no kind of job {kind!r}; there are {', '.join(KINDS)}")
    if kind in ALONE:
        return []
    loaded = load_recipe(recipe)
    found = [_store(loaded.store_url())]
    if kind in TEACHING:
        found += ["train", *_engines(kind, loaded)]
    return sorted(filter(None, found))


def _store(url: str) -> str:
    protocol, separator, _ = url.partition("://")
    if not separator:
        return ""
    if protocol not in _STORES:
        known = ", ".join(f"{name}://" for name in _STORES)
        raise UserError(f"the store {url}: nothing here reads {protocol}://; use a folder or one of {known}")
    return _STORES[protocol]


def _engines(kind: str, recipe: Recipe) -> list[str]:
    teacher = ["vllm"] if recipe.teacher.engine == "vllm" else []
    return teacher + (["deepspeed"] if kind == "retrain" and recipe.train.deepspeed else [])


def main() -> None:
    """Print the extras for the kind of job that the command line names."""
    print(" ".join(extras(" ".join(sys.argv[1:]))))


if __name__ == "__main__":
    plainly(main)
