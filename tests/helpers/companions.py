"""Companions of small releases: data sets of samples with a few rows, as the job that trains makes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.config.load import load_recipe
from bot.core.sample import Sample
from bot.core.store import Entry, Store
from bot.pipeline.mix import Mixture
from bot.pipeline.origin import Origin
from bot.pipeline.samples_dataset import samples_dataset
from bot.release.companions import Companion, checked_companion, stated_companion
from bot.release.hub_repository import HubRepository
from bot.taxonomy.leaf import Leaf
from bot.train.phase import Phase
from tests import ROOT
from tests.helpers.leaves import knowledge, skill

SAMPLES = HubRepository("lab/model-samples", "dataset")
LEAVES = (knowledge(), skill())
ORIGIN = Origin("lab/taxonomy", "b" * 40)


def sample(leaf: str, number: int, kind: str = "asked") -> Sample:
    asked = ("user", f"What of {leaf}, number {number}?")
    return Sample(leaf, kind, (asked, ("assistant", f"It is {number}.")), f"Passage {number}.", "a.md#1")


def mixture(phase: Phase, samples: Sequence[Sample], key: str = "") -> Mixture:
    table = {leaf: sum(one.leaf == leaf for one in samples) for leaf in {one.leaf for one in samples}}
    return Mixture(phase, key or phase, samples, table, "", {}, {})


def samples_entry(store: Store, number: int = 1, leaves: Sequence[Leaf] = LEAVES) -> Entry:
    """The data files of a data set; each number has other rows."""
    general = Sample("", "general", (("user", "Hello"), ("assistant", "Hi.")), None, "the base model")
    learnt = [sample(leaves[0].path, number), sample(leaves[0].path, number + 1)]
    again = [sample(leaves[1].path, number), general]
    mixed = (mixture("knowledge", learnt, f"k{number}"), mixture("skills", again, f"s{number}"))
    return samples_dataset(mixed, leaves, load_recipe(ROOT / "arborist.yaml"), store, ORIGIN)


def samples_companion(folder: Path, manifest: dict[str, Any], number: int = 1) -> Companion:
    """The data set that is published with a release."""
    entry = samples_entry(Store(str(folder)), number)
    return checked_companion(stated_companion("samples", SAMPLES, entry), entry, manifest)
