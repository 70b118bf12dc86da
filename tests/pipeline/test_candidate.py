"""A candidate: what the job that trains hands to the one that publishes, and what that one checks."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.core.store import Entry, Store
from bot.core.store_files import RECORD
from bot.evaluate.gate import Verdict
from bot.pipeline.candidate import (
    PICTURES,
    Candidate,
    CandidateInputs,
    Superseded,
    keep_candidate,
    overridden,
    read_candidate,
    reference_of,
    release_candidate,
)
from bot.release.companions import stated_companion
from bot.release.hub import download_release, latest_release, publish
from bot.release.hub_repository import download
from bot.release.verify import Copy, verify
from tests import ROOT
from tests.helpers.companions import SAMPLES, samples_entry
from tests.helpers.local_hub import RunningHub
from tests.helpers.signed_release import FILES, MODEL, manifest, write_model

RECIPE = load_recipe(ROOT / "arborist.yaml")
RECIPE = replace(RECIPE, release=replace(RECIPE.release, repository=MODEL))
INPUTS = CandidateInputs("1" * 64, "", "b" * 40, [1])
REFUSED = Verdict(("older leaves: 3 of 9 right",), report=manifest()["gate"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def kept(
    store: Store,
    tmp_path: Path,
    verdict: Verdict | None = None,
    entries: Mapping[str, Entry] | None = None,
    **changes: Any,
) -> Candidate:
    """The candidate of a first release, as another machine reads it from the store."""
    stated = manifest("v2024.11.01.1", **changes)
    del stated["signature"]
    folder = write_model(tmp_path / "model")
    (folder / "tensorboard.txt").write_text("x")
    entry = store.put("train", "2" * 64, {}, folder=folder)
    passed = Verdict((), report=stated["gate"])
    made = Candidate(
        INPUTS.key, entry, dict.fromkeys(PICTURES, b"PNG"), stated, verdict or passed, entries or {}
    )
    keep_candidate(INPUTS, made, store)
    read = read_candidate(INPUTS.key, store)
    assert (read.key, read.manifest, read.verdict) == (made.key, made.manifest, made.verdict)
    assert read.companions == made.companions
    return read


@pytest.mark.usefixtures("local_hub")
def test_it_is_published_once_with_a_card_of_its_own_manifest(store: Store, tmp_path: Path) -> None:
    candidate = kept(store, tmp_path)
    released = release_candidate(candidate, RECIPE, None)
    assert released.tag == "v2024.11.01.1"
    assert "This release is not signed." in (download_release(released) / "README.md").read_text()
    assert release_candidate(candidate, RECIPE, None).commit == released.commit


@pytest.mark.usefixtures("local_hub")
def test_what_the_gate_refused_is_not_published(store: Store, tmp_path: Path) -> None:
    candidate = kept(store, tmp_path, REFUSED)
    with pytest.raises(UserError, match=r"^the gate refused the candidate \w{12}; it is not published$"):
        release_candidate(candidate, RECIPE, None)
    assert latest_release(MODEL) is None


@pytest.mark.usefixtures("local_hub")
def test_what_a_maintainer_overrides_is_published_and_says_so(store: Store, tmp_path: Path) -> None:
    given = {"by": "mona", "reason": "The old leaf was wrong."}
    refused = kept(store, tmp_path, REFUSED)
    made = read_candidate(overridden(refused, given, store).key, store)
    released = release_candidate(made, RECIPE, None)
    assert released.manifest["gate"]["override"] == given
    folder = download_release(released)
    card = " ".join((folder / "README.md").read_text().split())
    assert "**The gate refused this release**, and `mona` released it all the same." in card
    assert "which this release passed" not in card
    [_, _, manifest_check] = verify(Copy(folder), None, f"{MODEL}@v2024.11.01.1")
    assert manifest_check.passed
    assert "the gate failed, and mona released it: The old leaf was wrong." in manifest_check.what


@pytest.mark.usefixtures("local_hub")
def test_after_another_release_it_has_to_be_compared_again(store: Store, tmp_path: Path) -> None:
    candidate = kept(store, tmp_path, previous="v2024.11.01.1", release="v2024.11.01.2")
    for number in (1, 2):
        stated = manifest(f"v2024.11.01.{number}", key=str(number + 2) * 64)
        publish(MODEL, write_model(tmp_path / f"other{number}"), FILES, stated)
    with pytest.raises(
        Superseded, match=r"v2024.11.01.2 is the newest release .* was compared with v2024.11.01.1: start a"
    ):
        release_candidate(candidate, RECIPE, None)


@pytest.mark.usefixtures("local_hub")
def test_it_is_not_published_in_another_repository(store: Store, tmp_path: Path) -> None:
    candidate = kept(store, tmp_path, repository="lab/other")
    with pytest.raises(Superseded, match="is for lab/other, and the recipe names lab/model now"):
        release_candidate(candidate, RECIPE, None)


@pytest.mark.usefixtures("local_hub")
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "runs/events"])
def test_a_file_that_was_altered_in_the_store_is_not_published(
    store: Store, tmp_path: Path, name: str
) -> None:
    candidate = kept(store, tmp_path)
    altered = candidate.model.folder() / name
    content = altered.read_bytes()
    altered.unlink()  # it is linked to the file that was put
    altered.write_bytes(content + b" ")
    with pytest.raises(UserError, match=rf"{name} was altered or cut short; remove it with"):
        release_candidate(candidate, RECIPE, None)
    assert latest_release(MODEL) is None


@pytest.mark.usefixtures("local_hub")
@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("url", ["store", "memory://missing"])
def test_a_file_that_is_missing_in_the_store_is_named(tmp_path: Path, url: str, name: str) -> None:
    store = Store(str(tmp_path / url) if url == "store" else f"{url}/{name}")
    candidate = kept(store, tmp_path)
    store.fs.rm_file(store.path("train", candidate.model.key, name))
    with pytest.raises(UserError, match=rf"the file {name} is missing, or is a link; remove the entry with"):
        release_candidate(candidate, RECIPE, None)


@pytest.mark.usefixtures("local_hub")
@pytest.mark.parametrize("name", ["modeling_llama.py", "pytorch_model.bin", "a/b.pkl"])
def test_files_that_can_run_code_are_not_published(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "model" / name).parent.mkdir(parents=True)
    (tmp_path / "model" / name).write_text("import os")
    candidate = kept(store, tmp_path)
    with pytest.raises(UserError, match=f"^{name}: a release has no such file, since it could run code"):
        release_candidate(candidate, RECIPE, None)


@pytest.mark.parametrize("name", ["modeling_llama.py", "extra.json", "extra.safetensors"])
def test_a_file_that_nobody_recorded_is_not_published(
    store: Store, tmp_path: Path, local_hub: RunningHub, name: str
) -> None:
    candidate = kept(store, tmp_path)
    (candidate.model.folder() / name).write_text("{}")
    release_candidate(candidate, RECIPE, None)
    there = local_hub.api().list_repo_files(MODEL)
    assert "config.json" in there
    assert name not in there


@pytest.mark.usefixtures("local_hub")
def test_a_link_in_the_store_leads_nowhere(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("the key of releases")
    candidate = kept(store, tmp_path)
    link = candidate.model.folder() / "config.json"
    link.unlink()
    link.symlink_to(tmp_path / "secret.json")
    with pytest.raises(UserError, match=r"config\.json was altered or cut short"):
        release_candidate(candidate, RECIPE, None)


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "entry.json", "a\\b", ""])
def test_an_entry_with_names_that_lead_elsewhere_is_not_read(store: Store, tmp_path: Path, name: str) -> None:
    candidate = kept(store, tmp_path)
    record = Path(store.path("train", candidate.model.key, RECORD))
    stated = json.loads(record.read_text())
    record.write_text(json.dumps({**stated, "files": {name: {"size": 1, "sha256": "0" * 64}}}))
    with pytest.raises(UserError, match=r"entry\.json was altered or cut short; remove it with"):
        read_candidate(candidate.key, store)


@pytest.mark.parametrize("facts", [{}, {"step": "../x"}, {"model": "x"}, {"reasons": None}, {"step": 3}])
def test_a_damaged_candidate_is_one_line(store: Store, tmp_path: Path, facts: dict[str, Any]) -> None:
    candidate = kept(store, tmp_path)
    record = Path(store.path("candidate", candidate.key, RECORD))
    stated = json.loads(record.read_text())
    changed = {**stated["facts"], **facts} if facts else {}
    record.write_text(json.dumps({**stated, "facts": changed}))
    with pytest.raises(UserError, match=r"was altered; remove it with `arborist forget \w{12}`, and start"):
        read_candidate(candidate.key, store)


def test_it_is_the_one_whose_results_were_shown(store: Store, tmp_path: Path) -> None:
    candidate = kept(store, tmp_path)
    reference = reference_of(candidate, store)
    assert read_candidate(reference, store) == candidate
    record = Path(store.path("candidate", candidate.key, RECORD))
    stated = json.loads(record.read_text())
    record.write_text(json.dumps({**stated, "facts": {**stated["facts"], "note": "other"}}))
    with pytest.raises(UserError, match="was altered; remove it with"):
        read_candidate(reference, store)


@pytest.mark.usefixtures("local_hub")
def test_it_keeps_its_tag_when_it_is_approved_days_later(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = kept(store, tmp_path)
    monkeypatch.setattr("bot.release.tags.today", lambda: date(2024, 11, 20))
    assert release_candidate(candidate, RECIPE, None).tag == "v2024.11.01.1"


@pytest.mark.usefixtures("local_hub")
@pytest.mark.parametrize("tag", ["v9999.11.01.1", "v2024.11.01.2", "v2024.02.30.1"])
def test_its_tag_must_be_the_next_one_of_a_day_that_has_come(store: Store, tmp_path: Path, tag: str) -> None:
    candidate = kept(store, tmp_path, release=tag)
    with pytest.raises(UserError, match=f"has the tag '{tag}', which cannot follow no release; set"):
        release_candidate(candidate, RECIPE, None)


@pytest.mark.usefixtures("local_hub")
def test_where_the_job_that_trained_saw_no_release_the_line_names_the_secret(
    store: Store, tmp_path: Path
) -> None:
    candidate = kept(store, tmp_path)
    publish(MODEL, write_model(tmp_path / "other"), FILES, manifest("v2024.11.01.1", key="3" * 64))
    with pytest.raises(
        Superseded, match=r"saw none\. If the repository is private, set the secret HF_READ_TOKEN"
    ):
        release_candidate(candidate, RECIPE, None)


def test_a_manifest_that_does_not_match_its_schema_is_one_line(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^manifest: pulls: .*; nothing was published$"):
        kept(store, tmp_path, pulls="all of them")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("../../etc", "is not the key of a candidate: it has 64 hexadecimal digits"),
        ("4" * 64, "has no candidate 444444444444; start a retraining to make one"),
    ],
)
def test_a_key_that_names_none_is_one_line(store: Store, key: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_candidate(key, store)


def test_a_candidate_whose_model_was_removed_is_one_line(store: Store, tmp_path: Path) -> None:
    candidate = kept(store, tmp_path)
    store.forget(candidate.model.step, candidate.model.key)
    with pytest.raises(UserError, match=r"no longer has the model .* `arborist forget \w{12}`"):
        read_candidate(candidate.key, store)


WITH_SAMPLES = replace(RECIPE, release=replace(RECIPE.release, samples=SAMPLES.name))


def with_samples(store: Store, tmp_path: Path, **changes: Any) -> Candidate:
    """A candidate that has a data set of samples."""
    entry = samples_entry(store)
    stated = stated_companion("samples", SAMPLES, entry) | changes
    return kept(store, tmp_path, entries={"samples": entry}, companions=[stated])


@pytest.mark.usefixtures("local_hub")
def test_its_samples_are_published_and_the_models_card_names_them(store: Store, tmp_path: Path) -> None:
    released = release_candidate(with_samples(store, tmp_path), WITH_SAMPLES, None)
    [stated] = released.manifest["companions"]
    card = (download(SAMPLES, stated["commit"]) / "README.md").read_text()
    assert "The 4 samples that the release v2024.11.01.1 of the model `lab/model` was trained on." in card
    model_card = (download_release(released) / "README.md").read_text()
    assert f"datasets:\n- {SAMPLES.name}\n" in model_card
    assert f"/datasets/{SAMPLES.name}/tree/v2024.11.01.1)" in model_card


@pytest.mark.usefixtures("local_hub")
def test_samples_are_published_only_where_the_recipe_says_and_as_they_were_made(
    store: Store, tmp_path: Path
) -> None:
    candidate = with_samples(store, tmp_path)
    other = replace(RECIPE, release=replace(RECIPE.release, samples="lab/other"))
    for recipe, named in ((other, "lab/other"), (RECIPE, "no repository")):
        wanted = f"has samples for {SAMPLES.name}, and the recipe names {named} now"
        with pytest.raises(Superseded, match=wanted):
            release_candidate(candidate, recipe, None)
    altered = candidate.companions["samples"].folder() / "data/skills.parquet"
    altered.write_bytes(altered.read_bytes() + b" ")
    with pytest.raises(UserError, match=r"data/skills.parquet was altered or cut short; remove it with"):
        release_candidate(candidate, WITH_SAMPLES, None)
    assert latest_release(MODEL) is None


@pytest.mark.usefixtures("local_hub")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"files": {"data/skills.parquet": "0" * 64}}, "its files are not those that the manifest states"),
        ({"facts": {}}, "'rows' is a required property"),
        ({"kind": "weights"}, "is not one of"),
    ],
)
def test_a_manifest_that_states_other_samples_is_not_published(
    store: Store, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        release_candidate(with_samples(store, tmp_path, **changes), WITH_SAMPLES, None)
    assert latest_release(MODEL) is None


def test_without_the_entry_of_its_samples_it_cannot_be_read(store: Store, tmp_path: Path) -> None:
    candidate = with_samples(store, tmp_path)
    store.forget("samples-dataset", candidate.companions["samples"].key)
    with pytest.raises(UserError, match="no longer has the companion samples of the candidate"):
        read_candidate(INPUTS.key, store)


def with_passages(store: Store, tmp_path: Path) -> Candidate:
    """A candidate with the entry of its passages."""
    candidate = kept(store, tmp_path)
    entry = store.put("passages", "5" * 64, {}, {"passages.parquet": b"PAR1"})
    made = replace(candidate, key="6" * 64, passages=entry)
    keep_candidate(replace(INPUTS, release="7" * 64), made, store)
    return read_candidate(replace(INPUTS, release="7" * 64).key, store)


@pytest.mark.usefixtures("local_hub")
def test_the_passages_are_a_file_of_the_release(store: Store, tmp_path: Path) -> None:
    released = release_candidate(with_passages(store, tmp_path), RECIPE, None)
    folder = download_release(released)
    assert (folder / "retrieval/passages.parquet").read_bytes() == b"PAR1"
    assert "retrieval/passages.parquet" in released.manifest["files"]
    assert all(check.passed for check in verify(Copy(folder), None, f"{MODEL}@v2024.11.01.1"))


@pytest.mark.usefixtures("local_hub")
def test_passages_that_were_altered_in_the_store_are_not_published(store: Store, tmp_path: Path) -> None:
    candidate = with_passages(store, tmp_path)
    reference = reference_of(candidate, store)
    assert candidate.passages is not None
    altered = candidate.passages.folder() / "passages.parquet"
    altered.write_bytes(b"PAR2")
    with pytest.raises(UserError, match=r"passages\.parquet was altered or cut short; remove it with"):
        release_candidate(candidate, RECIPE, None)
    store.forget("passages", "5" * 64)
    store.put("passages", "5" * 64, {}, {"passages.parquet": b"PAR2"})
    with pytest.raises(UserError, match="was altered; remove it with"):
        read_candidate(reference, store)


@pytest.mark.usefixtures("local_hub")
@pytest.mark.parametrize(
    ("part", "setting", "value"),
    [
        ("retrieval", "encoder", 'x"); print("run") #'),
        ("retrieval", "passages", "3)\n```\n<b>"),
        ("evaluate", "max_new_tokens", "[x](https://example.org)"),
    ],
)
def test_settings_on_the_card_have_their_types_whatever_the_job_that_trained_says(
    store: Store, tmp_path: Path, part: str, setting: str, value: str
) -> None:
    recipe = manifest("v2024.11.01.1")["recipe"]
    changed = {**recipe, part: {**recipe.get(part, {}), setting: value}}
    with pytest.raises(UserError, match=f"manifest: recipe.*{setting}|was altered"):
        release_candidate(kept(store, tmp_path, recipe=changed), RECIPE, None)
    assert latest_release(MODEL) is None


@pytest.mark.usefixtures("local_hub")
@pytest.mark.parametrize("repository", ["evil/other", "lab/model-GGUF"])
@pytest.mark.parametrize("wanted", ["", "lab/model-GGUF"])
def test_the_card_names_no_gguf_files_but_those_of_the_release(
    store: Store, tmp_path: Path, repository: str, wanted: str
) -> None:
    file = {"name": "m.gguf", "type": "f16", "size": 1, "right": 1, "equal": 1, "refused": ""}
    stated = {"repository": repository, "reason": "", "asked": 1, "right": 1, "files": [file]}
    recipe = replace(RECIPE, release=replace(RECIPE.release, gguf=wanted))
    with pytest.raises(Superseded, match="GGUF files that the manifest states are not those for"):
        release_candidate(kept(store, tmp_path, gguf=stated), recipe, None)
    assert latest_release(MODEL) is None
