"""The data set of what a model learned: one Parquet file for each phase, one row for each sample."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pyarrow import parquet

from bot.config.recipe import Recipe
from bot.core.progress import step
from bot.core.step import RESULT, Inputs, make
from bot.core.store import Entry, Store
from bot.generate.contrast import CONTRAST
from bot.generate.leaf_language import language_of_leaf
from bot.generate.rows import ROWS
from bot.inference.teacher import teacher_model
from bot.pipeline.mix import Mixture, Mixtures
from bot.pipeline.origin import Origin
from bot.taxonomy.documents import has_private_documents
from bot.taxonomy.leaf import Leaf, Work

_TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
_WORK = pa.struct([(name, pa.string()) for name in ("title", "link", "licence", "creators")])
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("phase", pa.string()),
        ("leaf", pa.string()),
        ("kind", pa.string()),
        ("messages", pa.list_(_TURN)),
        ("context", pa.string()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("contributor", pa.string()),
        ("commit", pa.string()),
        ("teacher", pa.string()),
        ("teacher_revision", pa.string()),
        ("licence", pa.string()),
        ("attribution", pa.list_(_WORK)),
    ]
)


@dataclass(frozen=True)
class Described:
    """What each row states of its leaf; empty for general requests.

    Attributes:
        commit: the commit of the taxonomy as of which the leaf was read.
        attribution: the works behind the leaf.
    """

    language: str = ""
    contributor: str = ""
    commit: str = ""
    teacher: str = ""
    teacher_revision: str = ""
    attribution: Sequence[Work] = ()

    @property
    def licence(self) -> str:
        """The different licences of the works, as an SPDX expression."""
        found = dict.fromkeys(work.licence for work in self.attribution if work.licence)
        alternatives = (f"({one})" if " or " in one.casefold() and len(found) > 1 else one for one in found)
        return " AND ".join(alternatives)

    def columns(self) -> dict[str, Any]:
        """Return the columns of a row."""
        return {
            **asdict(self),
            "licence": self.licence,
            "attribution": [asdict(one) for one in self.attribution],
        }


@dataclass(frozen=True)
class SamplesDatasetInputs(Inputs):
    """Everything that the data set depends on.

    Attributes:
        mixtures: phase -> the key of its mixture.
        leaves: path of a leaf -> what its rows state of it.
        private: the leaves that have no rows.
    """

    STEP: ClassVar[str] = "samples-dataset"
    VERSION: ClassVar[int] = 1

    mixtures: Mapping[str, str]
    leaves: Mapping[str, Described]
    private: Sequence[str]


@step("writing the data set of samples")
def samples_dataset(
    mixed: Mixtures, leaves: Sequence[Leaf], recipe: Recipe, store: Store, origin: Origin
) -> Entry:
    """Return the data set of the samples in both mixtures; create it if the store does not have it.

    A phase without samples has no file. The facts of the entry state the number of rows by phase and leaf.
    Leaves with documents of private repositories have no rows: the data set would show them to everybody.
    """
    phases = {mixture.phase: mixture for mixture in mixed if len(mixture.samples)}
    private = sorted(leaf.path for leaf in leaves if has_private_documents(leaf, recipe.documents))
    described = _described([leaf for leaf in leaves if leaf.path not in private], recipe, origin)
    inputs = SamplesDatasetInputs({phase: one.key for phase, one in phases.items()}, described, private)

    def write(work: Path) -> dict[str, Any]:
        folder = work / RESULT / "data"
        folder.mkdir(parents=True, exist_ok=True)
        rows = {
            phase: _write(folder / f"{phase}.parquet", mixture, inputs) for phase, mixture in phases.items()
        }
        return {"rows": rows, "private": private}

    return make(inputs, store, write)


def _described(leaves: Sequence[Leaf], recipe: Recipe, origin: Origin) -> dict[str, Described]:
    """Return path of a leaf -> what its rows state of it."""
    earlier = {one.path: one.commit for one in origin.quarantined}
    teacher = teacher_model(recipe)
    return {
        leaf.path: Described(
            language=language_of_leaf(leaf).asked.code,
            contributor=leaf.created_by,
            commit=earlier.get(leaf.path, origin.commit),
            teacher=teacher["name"],
            teacher_revision=teacher["revision"],
            attribution=leaf.attribution,
        )
        for leaf in leaves
    }


def _write(target: Path, mixture: Mixture, inputs: SamplesDatasetInputs) -> dict[str, int]:
    """Write the rows of one phase in row groups, so that they need not fit into memory.

    Returns:
        Leaf -> number of rows; "" stands for general requests.
    """
    counted: Counter[str] = Counter()
    rows = _rows(mixture, inputs)
    with parquet.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        while group := list(islice(rows, ROWS)):
            counted.update(row["leaf"] for row in group)
            writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA))
    return dict(counted)


def _rows(mixture: Mixture, inputs: SamplesDatasetInputs) -> Iterator[dict[str, Any]]:
    """Yield the rows of one phase."""
    columns = {path: described.columns() for path, described in inputs.leaves.items()}
    of_no_leaf, private = Described().columns(), set(inputs.private)
    for sample in mixture.samples:
        # The passages of a sample of this kind are from the documents of several leaves.
        of_private = sample.leaf in private or sample.source.removeprefix(CONTRAST) in private
        hidden = of_private or (private and sample.kind == "retrieval")
        if not hidden:
            yield {"phase": mixture.phase, **sample.to_json(), **columns.get(sample.leaf, of_no_leaf)}
