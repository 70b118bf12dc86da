"""`arborist explain`: from a release, a key or a leaf to what it was made of, and what differs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.cli.explain import explain
from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.schema import first_mistake
from bot.core.store import Entry, Store, canonical
from bot.generate.inputs import samples_inputs
from bot.pipeline.explain_entry import entry_tree
from bot.pipeline.explain_release import in_the_store
from bot.pipeline.lineage import Lineage
from bot.release.hub import publish
from bot.taxonomy.leaf import Leaf
from tests import ROOT
from tests.helpers.leaves import knowledge, skill
from tests.helpers.local_hub import free_port, running
from tests.helpers.manifests import KEY, leaf_row, manifest
from tests.helpers.slow_store import CountedFileSystem

BASE = "b" * 32 + ".1"
MODEL = "lab/taxonomy-model"
FUNNEL = {"accepted": 5, "candidates": 9, "dropped": {"keeps": 4}}


def moved(leaf: Leaf) -> Leaf:
    """The leaf with another word in a context."""
    [seed] = leaf.seeds
    return replace(leaf, seeds=(replace(seed, context=(seed.context or "").replace("1702", "1703")),))


def candidate(number: int) -> str:
    """The key of a candidate."""
    return f"{number}cab" * 16


class Made:
    """A store with the entries of two candidates; in the second, the knowledge leaf says another year."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, Store(str(folder / "store"))
        self.recipe = folder / "arborist.yaml"
        self.recipe.write_text(f"{(ROOT / 'arborist.yaml').read_text()}\nstore: {folder / 'store'}\n")
        self.manifests = [
            self.candidate(1, knowledge(), skill()),
            self.candidate(2, moved(knowledge()), skill()),
        ]

    def samples(self, leaf: Leaf) -> Entry:
        inputs = samples_inputs(leaf, load_recipe(self.recipe))
        batch = inputs.batch(0)
        self.store.put(batch.step, batch.key, {"leaf": leaf.path}, {"batch.json": b"{}"})
        facts = {"samples": 7, "funnel": FUNNEL, "batches": 1}
        return self.store.put(inputs.step, inputs.key, inputs.values(), {"samples.parquet": b""}, facts=facts)

    def candidate(self, number: int, *leaves: Leaf) -> dict[str, Any]:
        key, before = str(number) * 64, str(number - 1) * 64
        phases: dict[str, Any] = {}
        mixtures: dict[str, Any] = {}
        start = BASE
        samples = {leaf.path: self.samples(leaf).key for leaf in leaves}
        for phase, letter in (("knowledge", "c"), ("skills", "d")):
            mixture, trained = f"{number}{letter}" * 32, f"{number}{letter}e{letter}" * 16
            inputs = {"phase": phase, "leaves": {path: [one, 7] for path, one in samples.items()}, "seed": 0}
            facts = {"content": mixture[::-1], "samples": 9, "table": {leaves[0].path: 7, "": 2}}
            self.store.put("mixture", mixture, inputs, facts=facts)
            made_of = {"phase": phase, "start": start, "mixture": mixture[::-1], "seed": 0}
            self.store.put(f"train-{phase}", trained, made_of, {"model.safetensors": b"x"})
            mixtures[phase] = {"key": mixture, "samples": 9}
            phases[phase] = {"key": trained}
            start = trained
        rows = []
        for leaf in leaves:
            answers = f"{number}{len(rows)}ab" * 16
            questions = [{"question": f"Who made {leaf.path}?"}]
            self.store.put("exam", answers, {"model": start, "questions": questions, "max_new_tokens": 32})
            row = leaf_row(leaf.path, key=samples[leaf.path], created_by=f"author-of-{leaf.kind}")
            rows.append({**row, "exam": {**row["exam"], "answers": answers}})
        previous = f"v2024.11.01.{number - 1}" if number > 1 else None
        made = manifest(
            *rows,
            key=key,
            release=f"v2024.11.01.{number}",
            previous=previous,
            repository=MODEL,
            mixtures=mixtures,
        )
        made["phases"] = {**phases, "skills": {**phases["skills"], "weights": {"model.safetensors": before}}}
        inputs = {"release": key, "previous": previous or "", "commit": "b" * 40, "pulls": []}
        facts = {"step": "train-skills", "model": start, "reasons": [], "note": ""}
        content = {name: value for name, value in made.items() if name not in ("files", "signature")}
        files = {"manifest.json": canonical(content).encode()}
        self.store.put("candidate", candidate(number), inputs, files, facts=facts)
        return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ARBORIST_STORE", raising=False)
        yield Made(tmp_path_factory.mktemp("explain"))


def told(made: Made, capsys: pytest.CaptureFixture[str], *what: str, repository: Path = ROOT) -> str:
    capsys.readouterr()
    explain(*what, repository=repository, recipe=made.recipe, format_="terminal")
    return capsys.readouterr().out


def as_json(made: Made, capsys: pytest.CaptureFixture[str], *what: str) -> Any:
    capsys.readouterr()
    explain(*what, repository=ROOT, recipe=made.recipe, format_="json")
    found = json.loads(capsys.readouterr().out)
    assert first_mistake(found, shipped("schemas/explain.json")) is None
    return found


def nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for part in node["parts"]:
        yield from nodes(part)


def test_a_leaf_s_samples_are_explained(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    key = made.samples(knowledge()).key
    text = told(made, capsys, key[:8])
    assert f"samples knowledge/clocks/corvane {key[:12]}\n" in text
    assert "is: the samples of a leaf\n" in text
    assert "accepted: 5 of the teacher's 9 candidates\n" in text
    assert "leaf, description: The invented Corvane clock\n" in text
    assert "batch 0 " in text.partition("made of")[2]
    assert "mixture 1c1c1c1c1c1c" in text.partition("used by")[2]


@pytest.mark.parametrize(
    ("key", "is_", "parents", "users"),
    [
        ("1c" * 32, "the samples that a phase is trained on", ["samples", "samples"], ["train-knowledge"]),
        ("1cec" * 16, "the model after the knowledge phase", ["mixture"], ["train-skills"]),
        ("1ded" * 16, "the model after the skills phase", ["train-knowledge", "mixture"], ["candidate"]),
        ("10ab" * 16, "a model's answers to the questions of one exam", ["train-skills"], ["candidate"]),
    ],
)
def test_a_key_leads_to_what_it_was_made_of_and_used_for(
    made: Made, capsys: pytest.CaptureFixture[str], key: str, is_: str, parents: list[str], users: list[str]
) -> None:
    found = as_json(made, capsys, key)
    assert found["key"] == key
    assert found["facts"]["is"] == is_
    parts = {one["name"] or one["kind"]: [inner["kind"] for inner in one["parts"]] for one in found["parts"]}
    assert (parts["made of"], parts["used by"]) == (parents, users)


def test_a_candidate_shows_the_gate_and_all_that_is_below_it(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    found = as_json(made, capsys, candidate(1)[:20])
    kinds = [one["kind"] for one in nodes(found)]
    assert {"gate", "weights", "phase", "mixture", "student", "leaf", "samples", "exam"} <= set(kinds)


def test_a_release_in_a_folder_needs_no_recipe_and_no_store(
    made: Made, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(made.manifests[0]))
    explain(str(tmp_path), repository=tmp_path, recipe=tmp_path / "none.yaml", format_="terminal")
    printed = capsys.readouterr()
    text = printed.out
    assert text.startswith(f"release v2024.11.01.1 of {MODEL} 111111111111\n")
    assert "leaf knowledge/clocks/corvane\n" in text
    assert "exam: 1 → 4 of 5 right (held-out)\n" in text
    assert "by: author-of-knowledge\n" in text
    assert "people: author-of-compositional, author-of-knowledge\n" in text
    assert "in the store" not in text
    assert "give --repository a clone that has bbbbbbb" in printed.err


def test_the_store_adds_the_leaves_of_each_mixture(
    made: Made, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(made.manifests[0]))
    found = as_json(made, capsys, str(tmp_path))
    mixtures = {one["name"]: one["facts"] for one in nodes(found) if one["kind"] == "mixture"}
    counts = {"samples": 9, "general requests": 2, "knowledge/clocks/corvane": 7}
    assert mixtures == {"skills": counts, "knowledge": counts}
    stored = [one["facts"].get("in the store") for one in nodes(found) if one["kind"] == "samples"]
    assert stored == [True, True]
    assert [one["key"] for one in nodes(found) if one["kind"] == "candidate"] == [candidate(1)]


def test_two_candidates_differ_in_one_word_of_one_leaf(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    found = as_json(made, capsys, candidate(1), candidate(2))
    changes = {one["field"]: one for node in nodes(found) for one in node["changes"]}
    assert changes["previous"] == {"field": "previous", "before": "null", "after": "v2024.11.01.1"}
    context = changes["leaf.seeds[0].context"]
    assert "made by Petra Osgood in 1702." in context["before"]
    assert "made by Petra Osgood in 1703." in context["after"]
    shown = [one for one in nodes(found) if one["kind"] == "samples"]
    assert {one["name"] for one in shown} == {"knowledge/clocks/corvane"}
    assert [one["facts"] for one in shown[1:]] == [{"change": "as above"}] * 2


def test_two_keys_of_one_step_are_compared(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(made, capsys, "1cec" * 2, "2cec" * 2)
    assert text.startswith("train-knowledge\n")
    assert "leaf.seeds[0].context: " in text
    assert "nothing differs" in told(made, capsys, "1cec" * 2, "1cec" * 2)


def test_a_model_from_the_base_is_compared_by_its_id(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = {"phase": "knowledge", "start": "0" * 32, "mixture": ("1c" * 32)[::-1], "seed": 0}
    made.store.put("train-knowledge", "f" * 64, inputs)
    found = as_json(made, capsys, "1cec" * 2, "f" * 8)
    [start] = [one for one in found["parts"] if one["kind"] == "start"]
    assert start["changes"] == [{"field": "ID", "before": BASE, "after": "0" * 32}]


def test_releases_are_found_by_tag_on_the_hub(
    made: Made, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_maintainer")
    with running(tmp_path / "hub", free_port()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        for one in made.manifests:
            publish(MODEL, tmp_path / "model", {}, one)
        tags = [one["release"] for one in made.manifests]
        for names in (tags, [f"{MODEL}@{tag}" for tag in tags]):
            text = told(made, capsys, *names)
            assert f"release {tags[0]} of {MODEL} → {tags[1]} of {MODEL}\n" in text
            assert "leaf.seeds[0].context: " in text
        assert text.count("made by Petra Osgood in 1703.") == 1
        with pytest.raises(UserError, match="has no release v77"):
            told(made, capsys, f"{MODEL}@v77")
        leaf = "knowledge/geography/islands/velmora"
        text = told(made, capsys, f"taxonomy/{leaf}")
        assert text.startswith(f"leaf {leaf}\n")
        assert "documents: velmora.md\n" in text
        assert "in the store: no\n" in text
        assert f"release {tags[1]} of {MODEL}\n    └── has this leaf: no\n" in text


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (["1cec"], "'1cec' is too short: give at least the first 8 characters of a key"),
        (["1cec1ced"], "no entry of the store has a key that begins with 1cec1ced; "
         "the most similar: train-knowledge/1cec1cec1cec"),
        (["abababab12"], "no entry of the store has a key that begins with abababab12; `arborist explain"),
        (["1cec1cec", "1c1c1c1c"], "is of the step train-knowledge, and 1c1c1c1c1c1c is of mixture"),
        (["1cec1cec", "knowledge/clocks"], "cannot be compared: give two keys, or two releases"),
        (["knowledge/clocks"], "no such leaf: knowledge/clocks"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(
    made: Made, capsys: pytest.CaptureFixture[str], what: list[str], reason: str
) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        told(made, capsys, *what)
    assert "\n" not in str(caught.value)


def test_an_ambiguous_prefix_lists_the_entries(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.store.put("general", "9" * 64, {})
    made.store.put("sifted", "9" * 63 + "8", {})
    with pytest.raises(UserError, match=r"2 entries have this prefix: general/9{16}, sifted/9{16}"):
        told(made, capsys, "9" * 8)


def test_an_altered_record_is_one_line(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.store.put("exam", "8" * 64, {"questions": 1})
    with pytest.raises(UserError, match=r"8{8}: its record was altered"):
        told(made, capsys, "8" * 8)
    made.store.forget("exam", "8" * 64)


def test_a_store_that_cannot_be_reached_leaves_the_manifest(
    made: Made, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(made.manifests[0]))
    monkeypatch.setenv("ARBORIST_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("RUNNER_ENVIRONMENT", "github-hosted")
    explain(str(tmp_path), repository=tmp_path, recipe=made.recipe, format_="terminal")
    printed = capsys.readouterr()
    assert "leaf knowledge/clocks/corvane\n" in printed.out
    assert "only the manifest is shown: store" in printed.err
    with pytest.raises(UserError, match="it is a folder of another machine"):
        told(made, capsys, "1cec1cec")


def test_many_leaves_cost_a_listing_and_no_request_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountedFileSystem, "delay_s", 0)
    store = Store("counted://explain")
    leaves = {f"knowledge/{number}": f"{number:064x}" for number in range(300)}
    for path, key in leaves.items():
        store.put("samples", key, {"leaf": {"path": path}})
    inputs = {"phase": "skills", "leaves": {path: [key, 1] for path, key in leaves.items()}}
    mixture = store.put("mixture", KEY, inputs, facts={"content": KEY, "table": {}})
    asked = CountedFileSystem.requests
    parts = {one.kind: one for one in entry_tree(mixture, Lineage(store)).parts}
    assert len(parts["made of"].parts) == len(leaves)
    in_the_store(manifest(*(leaf_row(path, key=key) for path, key in leaves.items())), Lineage(store))
    assert CountedFileSystem.requests - asked < 20


def test_text_of_contributors_cannot_control_the_terminal(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    key = made.samples(knowledge(description="[red]x[/red]\x1b[2J")).key
    text = told(made, capsys, key[:8])
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
