"""`arborist verify`: what it accepts, and that it names what somebody changed in a copy of a release."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.release import trust
from bot.release.manifest import MANIFEST
from bot.release.release_folder import files_below
from bot.release.signature import SIGNATURE
from bot.release.statement import STATEMENT
from tests.helpers.signed_release import manifest
from tests.helpers.verified_copies import NAMES, Arborist, Releases, Told, flip, resigned


def test_a_release_as_it_was_published_passes_each_check(arborist: Arborist, releases: Releases) -> None:
    told = arborist(releases.first, "--key", releases.key.public)
    assert told == Told(
        0,
        [
            f"✔ signature: model.sig is by the key {releases.key.public}",
            "✔ files: 8 files have the digests of manifest.intoto.json",
            "✔ manifest: lab/model@v2024.11.01.1, made of lab/taxonomy at bbbbbbb",
        ],
        "",
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_byte_fails_and_the_file_is_named(
    arborist: Arborist, releases: Releases, copy: Path, name: str
) -> None:
    flip(copy / name, len((copy / name).read_bytes()) // 2)
    told = arborist(copy, "--key", releases.key.public)
    assert told.code == 1
    assert f"✘ signature: not what was signed: changed: {name}; do not use" in told.line("signature")
    if name != STATEMENT:
        assert told.line("files").startswith(f"✘ files: changed: {name}; download the release again")


@given(some.data())
def test_any_flipped_bit_of_any_file_fails(releases: Releases, data: some.DataObject) -> None:
    name = data.draw(some.sampled_from(NAMES))
    file = releases.first / name
    before = file.read_bytes()
    place = data.draw(some.integers(0, len(before) - 1))
    try:
        flip(file, place, 1 << data.draw(some.integers(0, 7)))
        digests = dict.fromkeys(NAMES, "")
        wrong = trust.signature_problem(releases.first, trust.Trust(releases.key.public), digests, ())
        assert wrong.startswith("not what was signed")
    finally:
        file.write_bytes(before)


@given(some.data())
def test_no_damage_to_the_signature_is_a_traceback(releases: Releases, data: some.DataObject) -> None:
    file = releases.first / SIGNATURE
    before = file.read_bytes()
    start, length = data.draw(some.integers(0, len(before))), data.draw(some.integers(1, 40))
    try:
        file.write_bytes(before[:start] + data.draw(some.binary(max_size=20)) + before[start + length :])
        wrong = trust.signature_problem(releases.first, trust.Trust(releases.key.public), {}, ())
        assert "\n" not in wrong
    finally:
        file.write_bytes(before)


@pytest.mark.parametrize("name", NAMES)
def test_a_removed_file_fails_and_is_named(
    arborist: Arborist, releases: Releases, copy: Path, name: str
) -> None:
    (copy / name).unlink()
    told = arborist(copy, "--key", releases.key.public)
    assert told.code == 1
    assert name in told.line("signature")
    assert name in told.line("files")


def _add(copy: Path) -> None:
    (copy / "adapter_config.json").write_text("{}")


def _add_below(copy: Path) -> None:
    (copy / "training/adapter_config.json").write_text("{}")


def _link(copy: Path) -> None:
    (copy / "adapter_config.json").symlink_to("config.json")


def _link_folder(copy: Path) -> None:
    (copy / "adapter_config.json").symlink_to("training")


def _dangling(copy: Path) -> None:
    (copy / "adapter_config.json").symlink_to("nowhere")


def _pipe(copy: Path) -> None:
    os.mkfifo(copy / "adapter_config.json")


@pytest.mark.parametrize("change", [_add, _add_below, _link, _link_folder, _dangling, _pipe])
def test_an_added_file_fails_and_is_named(
    arborist: Arborist, releases: Releases, copy: Path, change: Callable[[Path], None]
) -> None:
    change(copy)
    for options in (("--key", releases.key.public), ("--unsigned",)):
        told = arborist(copy, *options)
        assert told.code == 1
        assert "extra: " in told.line("files")
        assert "adapter_config.json; download" in told.line("files")


def test_a_file_that_is_replaced_by_a_pipe_does_not_hang(
    arborist: Arborist, releases: Releases, copy: Path
) -> None:
    for name in ("model.safetensors", MANIFEST, STATEMENT, SIGNATURE):
        (copy / name).unlink()
        os.mkfifo(copy / name)
    assert arborist(copy, "--key", releases.key.public).failed() == {"signature", "files", "manifest"}


def test_what_the_hub_and_downloads_add_is_no_change(
    arborist: Arborist, releases: Releases, copy: Path
) -> None:
    for name in (".gitattributes", ".eval_results/mmlu.yaml", ".cache/huggingface/x.lock", ".git/HEAD"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("x")
    told = arborist(copy, "--key", releases.key.public)
    assert told.code == 0
    assert told == arborist(releases.first, "--key", releases.key.public)


def test_a_file_of_others_is_allowed_by_name_but_no_file_of_the_release(
    arborist: Arborist, releases: Releases, copy: Path
) -> None:
    (copy / "notes").mkdir()
    (copy / "notes/README.md").write_text("somebody's")
    own = ("--key", releases.key.public)
    assert arborist(copy, *own).failed() == {"signature", "files"}
    told = arborist(copy, *own, "--allow", "notes/")
    assert told.code == 0
    assert told.line("files").endswith("; --allow permits notes/README.md")
    assert arborist(copy, *own, "--allow", "note").failed() == {"signature", "files"}
    assert arborist(copy, *own, "--allow", "notes/README.md").code == 0
    flip(copy / "README.md")
    told = arborist(copy, *own, "--allow", "notes", "--allow", "README.md")
    assert "changed: README.md" in told.line("files")
    assert "changed: README.md" in told.line("signature")


def test_the_manifest_of_another_release_fails(arborist: Arborist, releases: Releases, copy: Path) -> None:
    shutil.copy(releases.second / MANIFEST, copy)
    told = arborist(copy, "--key", releases.key.public)
    assert told.failed() == {"signature", "files", "manifest"}
    assert told.line("manifest").startswith("✘ manifest: manifest.json and manifest.intoto.json differ")
    shutil.copy(releases.second / STATEMENT, copy)
    told = arborist(copy, "--key", releases.key.public)
    assert told.failed() == {"signature"}
    assert f"changed: {STATEMENT}, {MANIFEST};" in told.line("signature")


HOSTILE = {
    "ten megabytes of numbers": b"[" + b"1," * 5_000_000 + b"1]",
    "ten megabytes of one text": json.dumps({"version": "x" * 10_000_000}).encode(),
    "a million wrong leaves": json.dumps({**manifest(files=["x"]), "leaves": [1] * 1_000_000}).encode(),
    "nested deeply": b"[" * 200_000,
    "nested almost too deeply": b'{"recipe":' * 900 + b"1" + b"}" * 900,
    "a recipe that is nested": json.dumps(
        {**manifest(files=["x"]), "recipe": {"a": json.loads("[" * 900 + "]" * 900)}}
    ).encode(),
    "no object": b"3",
    "nothing": b"",
    "bytes": bytes(range(256)),
    "a number with a million digits": b'{"version": ' + b"9" * 1_000_000 + b"}",
    "no number": b'{"version": NaN}',
    "half a character": b'{"\\ud800": "\\udfff"}',
    "lines and colours": json.dumps({"a\n✔ signature: \x1b[31m": 1}).encode(),
}


@pytest.mark.parametrize("name", [MANIFEST, STATEMENT, SIGNATURE])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_one_line(
    arborist: Arborist, releases: Releases, copy: Path, content: bytes, name: str
) -> None:
    (copy / name).write_bytes(content)
    told = arborist(copy, "--key", releases.key.public)
    assert told.code == 1
    assert "signature" in told.failed()
    assert len(told.out) == 3
    assert all(len(line) < 600 and line.isprintable() for line in told.out)
    unsigned = arborist(copy, "--unsigned")
    assert unsigned.code == (0 if name == SIGNATURE else 1)


def test_a_file_that_is_too_large_is_not_read(arborist: Arborist, releases: Releases, copy: Path) -> None:
    for name in (MANIFEST, STATEMENT, SIGNATURE):
        os.truncate(copy / name, 65_000_000)
    told = arborist(copy, "--key", releases.key.public)
    assert "model.sig is larger than 64 MB" in told.line("signature")
    assert "manifest.intoto.json cannot be read: it is larger than 64 MB" in told.line("files")
    assert "manifest.json cannot be read: it is larger than 64 MB" in told.line("manifest")


TRAINED = {"model.safetensors": "0" * 64}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"gate": {**manifest()["gate"], "decision": "failed"}}, "says that the gate failed"),
        ({"gate": {}}, 'manifest.json: top level: "version" is a required property'),
        ({"version": 5}, "manifest.json: version: 6 was expected"),
        ({"version": 7}, "manifest.json: version: 6 was expected"),
        ({"leaves": {}}, 'manifest.json: leaves: {} is not of type "array"'),
        (
            {"phases": {**manifest()["phases"], "skills": {"key": "a" * 64, "weights": TRAINED}}},
            "these weights are not those that were trained: model.safetensors",
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_fails_though_it_is_signed(
    arborist: Arborist, releases: Releases, tmp_path: Path, changes: dict[str, Any], wanted: str
) -> None:
    copy = resigned(tmp_path, releases.key, manifest(files=sorted(NAMES), **changes))
    told = arborist(copy, "--key", releases.key.public)
    assert told.failed() == {"manifest"}
    assert wanted in told.line("manifest")


def test_leaves_are_not_compared_where_another_check_failed(
    arborist: Arborist, releases: Releases, copy: Path
) -> None:
    flip(copy / MANIFEST)
    told = arborist(copy, "--key", releases.key.public, "--repository", copy)
    assert told.line("leaves") == "✘ leaves: not compared, since another check failed"


def test_every_file_of_a_release_is_in_the_table_of_this_test(releases: Releases) -> None:
    assert set(files_below(releases.first)) == {*NAMES, SIGNATURE}
