"""Plan and retrain: the way of the data from the taxonomy on main to the released model.

Level-triggered: what main asks for is compared with what is released, and what is missing is done, whatever
the event was. Every step looks under its key first, so this can be run at any moment, any number of times.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.errors import UserError
from bot.evaluate import Examination, examine
from bot.evaluate.exams import exam_of, retention
from bot.evaluate.gate import Verdict, decide
from bot.generate.generated import Generated
from bot.generate.keys import ALL_THERE, settings_key
from bot.generate.leaves import check_complete, generate_leaves
from bot.mix import Mixture, mix, overlaps, show_mixtures
from bot.models import model_folder, model_name, model_revision
from bot.progress import say
from bot.recipe import Recipe
from bot.release.card import model_card
from bot.release.hub import (
    Release,
    check_publishing,
    download_release,
    latest_release,
    next_tag,
    publish,
    release_files,
)
from bot.release.manifest import VERSION, check_manifest
from bot.store import Entry, Store, canonical, key_of
from bot.taxonomy.leaf import Leaf
from bot.teachers import teacher_model
from bot.train import train_phase
from bot.train.choice import Judge, model_id
from bot.train.curves import loss_curves
from bot.wanted import settings, wanted, wanted_key

MOST_OVERLAPS = 1_000
"""Pairs of leaves that a manifest names."""
SAMPLE = 12
"""Samples of a leaf that are made for a look at a pull request."""


@dataclass(frozen=True)
class Origin:
    """Where the taxonomy is from: repository name, commit, and the pull requests merged since a release.

    Attributes:
        tree: git's hash of the taxonomy's folder in that commit; "" where it was not read out of git.
    """

    repository: str
    commit: str
    pulls: tuple[int, ...] = ()
    tree: str = ""


@dataclass(frozen=True)
class Outcome:
    """What `retrain` came to: the release that is now the newest, and the gate's verdict if it was asked."""

    release: Release | None
    made: bool
    verdict: Verdict | None = None
    scores: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Trained:
    """The two phases' results and what went into them."""

    knowledge: Entry
    skills: Entry
    mixtures: tuple[Mixture, Mixture]

    def metrics(self) -> dict[str, str]:
        """Each phase's metrics.jsonl."""
        phases = {"knowledge": self.knowledge, "skills": self.skills}
        return {name: entry.read_text("metrics.jsonl") for name, entry in phases.items()}


def sample(leaves: Sequence[Leaf], recipe: Recipe, store: Store, count: int) -> list[Generated]:
    """A first part of the leaves' samples; it is in the store when the contribution is merged.

    Args:
        count: samples of each leaf, at least, where the teacher's batches come to as many.
    """
    return generate_leaves(leaves, recipe, store, limit=count)


def precheck(leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> tuple[Examination, str]:
    """What today's model answers to the leaves' exams, and what that model is called."""
    released = latest_release(recipe.release.repository)
    return examine_released(released, leaves, recipe, store), released.tag if released else "the base"


@dataclass(frozen=True)
class Trial:
    """What learning a contribution's samples alone did to today's model, called `model`."""

    model: str
    samples: int
    before: Examination
    after: Examination


def trial(leaves: Sequence[Leaf], recipe: Recipe, store: Store, count: int) -> Trial:
    """Teach today's model the leaves' first samples by a quick adapter, and examine it before and after.

    Args:
        count: samples of each leaf, at least; see `sample`.
    """
    released = latest_release(recipe.release.repository)
    before = examine_released(released, leaves, recipe, store)
    generated = sample(leaves, recipe, store, count)
    mixed = mix("trial", generated, leaves, recipe, store)
    folder, model = today(released, recipe)
    learnt = train_phase("trial", folder, model, mixed, recipe, store, judge(leaves, recipe, store))
    after = examine(learnt.folder(), model_id(learnt), leaves, recipe, store)
    name = released.tag if released else "the base"
    return Trial(name, len(mixed.samples) - mixed.table.get("", 0), before, after)


def retrain(leaves: Sequence[Leaf], recipe: Recipe, store: Store, origin: Origin) -> Outcome:
    """Make the released model follow the taxonomy; does nothing where it does already."""
    key = wanted_key(leaves, recipe)
    released = latest_release(recipe.release.repository)
    if released and released.manifest["key"] == key:
        return nothing_to_do(released)
    if not leaves:
        return _nothing_to_learn(released)
    check_publishing(recipe.release.repository)
    with store.work("release", key):
        generated = generate(leaves, recipe, store)
        mixed = mixtures(generated, leaves, recipe, store)
        show_mixtures(mixed)
        trained = train(mixed, leaves, recipe, store)
        before = examine_released(released, leaves, recipe, store)
        after = examine(trained.skills.folder(), model_id(trained.skills), leaves, recipe, store)
        known = {leaf["path"] for leaf in released.manifest["leaves"]} if released else set()
        base = examine_released(None, (), recipe, store)
        verdict = decide(base, before, after, known, recipe.gate)
        if not verdict.passed:
            for reason in verdict.reasons:
                say(f"gate: {reason}")
            return Outcome(released, made=False, verdict=verdict, scores=_scores(before, after))
        manifest = describe(key, leaves, recipe, origin, released, generated, trained, before, after)
        card = {
            "README.md": model_card(manifest, recipe.release.license).encode(),
            "loss.png": loss_curves(trained.metrics()),
        }
        manifest["files"] = release_files(trained.skills.folder(), card)
        check_manifest(manifest)
        release = publish(recipe.release.repository, trained.skills.folder(), card, manifest)
        store.put("release", key, wanted(leaves, recipe), {"manifest.json": canonical(manifest).encode()})
    return Outcome(release, made=True, verdict=verdict)


def nothing_to_do(released: Release) -> Outcome:
    """The outcome where the release is what the taxonomy asks for."""
    say(f"nothing to do: {released.tag} of {released.repository} is what the taxonomy asks for")
    return Outcome(released, made=False)


def _nothing_to_learn(released: Release | None) -> Outcome:
    """Release nothing, since there are no leaves.

    Raises:
        UserError: there is a release, which an empty taxonomy never takes the place of.
    """
    if released is not None:
        raise UserError(
            f"the taxonomy has no leaves, so {released.tag} of {released.repository} stays: "
            "an empty taxonomy is never released; if nothing is to be known any more, delete it on the Hub",
            code=1,
        )
    say("nothing to do: the taxonomy has no leaves")
    return Outcome(None, made=False)


def generate(leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> list[Generated]:
    """The samples of every leaf; only what the store lacks is asked of the teacher.

    Raises:
        UserError: the teacher could not be had for all that was asked; what it gave is in the store.
    """
    generated = generate_leaves(leaves, recipe, store)
    check_complete(generated)
    store.put(ALL_THERE, settings_key(recipe), {"leaves": len(leaves)})
    return generated


def mixtures(
    generated: Sequence[Generated], leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> tuple[Mixture, Mixture]:
    """What the two phases learn from."""
    return (
        mix("knowledge", generated, leaves, recipe, store),
        mix("skills", generated, leaves, recipe, store),
    )


def train(mixed: tuple[Mixture, Mixture], leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> Trained:
    """Knowledge first, then skills with replay, from the base each time: what left the tree is unlearnt."""
    base, revision = model_folder(recipe.student.model), model_revision(recipe.student.model)
    # Where all is learnt at once, all is judged then.
    first = [leaf for leaf in leaves if leaf.kind == "knowledge" or recipe.train.method == "stacked"]
    knowledge = train_phase("knowledge", base, revision, mixed[0], recipe, store, judge(first, recipe, store))
    skills = train_phase(
        *("skills", knowledge.folder(), model_id(knowledge), mixed[1], recipe, store),
        judge(leaves, recipe, store),
    )
    return Trained(knowledge, skills, mixed)


def judge(leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> Judge:
    """Models are worth the shares that they have right of the leaves' exams and of the general questions."""

    def worth(folder: Path, model: str) -> float:
        examined = examine(folder, model, leaves, recipe, store)
        exams = [answer.right for answers in examined.leaves.values() for answer in answers]
        general = [answer.right for answer in examined.retention]
        return sum(sum(part) / len(part) for part in (exams, general) if part)

    questions = [item.to_json() for leaf in leaves for item in exam_of(leaf)]
    asked = {"exams": questions, "general": [item.to_json() for item in retention()]}
    return Judge(worth, key_of("questions", 1, asked | recipe.part("evaluate")))


def examine_released(
    released: Release | None, leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> Examination:
    """What today's model, the release or else the base, answers to the leaves' exams."""
    folder, model = today(released, recipe)
    return examine(folder, model, leaves, recipe, store)


def today(released: Release | None, recipe: Recipe) -> tuple[Path, str]:
    """Today's model, the release or else the base: its folder, and what tells its weights from others."""
    if released is None:
        return model_folder(recipe.student.model), model_revision(recipe.student.model)
    # The same weights have the same id wherever they are examined. (Version 1 of the manifest had no choice.)
    last = released.manifest["phases"]["skills"]
    return download_release(released), last.get("model", last["key"])


def describe(
    key: str,
    leaves: Sequence[Leaf],
    recipe: Recipe,
    origin: Origin,
    released: Release | None,
    generated: Sequence[Generated],
    trained: Trained,
    before: Examination,
    after: Examination,
) -> dict[str, Any]:
    """The manifest of a release; see schemas/manifest.json."""
    samples = {made.leaf: made for made in generated}
    knowledge, skills = trained.mixtures
    return {
        "version": VERSION,
        "key": key,
        "release": next_tag(released),
        "repository": recipe.release.repository,
        "previous": released.tag if released else None,
        "taxonomy": {"repository": origin.repository, "commit": origin.commit, "tree": origin.tree},
        "settings": settings(recipe),
        "student": _model(recipe.student.model),
        "teacher": teacher_model(recipe),
        "recipe": {part: recipe.part(part) for part in ("teacher", "generate", "train", "evaluate", "gate")},
        "leaves": [
            {
                "path": leaf.path,
                "key": samples[leaf.path].key,
                "created_by": leaf.created_by,
                "samples": len(samples[leaf.path].samples),
                "exam": {"before": before.tally(leaf.path), "after": after.tally(leaf.path)},
            }
            for leaf in leaves
        ],
        "mixtures": {
            mixture.phase: {"key": mixture.key, "samples": len(mixture.samples)}
            for mixture in (knowledge, skills)
        },
        "overlaps": [asdict(pair) for pair in overlaps(trained.mixtures)[:MOST_OVERLAPS]],
        "phases": {
            "knowledge": {"key": trained.knowledge.key},
            "skills": {
                "key": trained.skills.key,
                "model": model_id(trained.skills),
                "weights": weights(trained.skills),
            },
        },
        "examined": {
            "before": f"release {released.tag}" if released else "the base model",
            "retention": {
                "before": sum(answer.right for answer in before.retention),
                "after": sum(answer.right for answer in after.retention),
                "asked": len(after.retention),
            },
        },
        "pulls": list(origin.pulls),
    }


def _scores(before: Examination, after: Examination) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"path": path, "before": before.tally(path), "after": after.tally(path)} for path in after.leaves
    )


def weights(entry: Entry) -> dict[str, str]:
    """SHA-256 of every weights file, so that a download can be checked against the manifest."""
    return {name: str(f["sha256"]) for name, f in entry.files.items() if Path(name).suffix == ".safetensors"}


def _model(name: str) -> dict[str, str]:
    return {"name": model_name(name), "revision": model_revision(name)}
