"""`arborist verify`: what it accepts, and that it names what somebody changed in a copy of a release."""

import datetime
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as some
from model_signing import verifying

from bot.cli import app
from bot.core.errors import run_program
from bot.release import trust
from bot.release.hub import publish
from bot.release.manifest import MANIFEST
from bot.release.release_folder import files_below, prepared
from bot.release.signature import ISSUER, SIGNATURE, UNSIGNED, Signer
from bot.release.statement import STATEMENT
from tests.helpers.local_hub import RunningHub, free_port, running
from tests.helpers.release_key import ReleaseKey, release_key
from tests.helpers.signed_release import FILES, MODEL, WEIGHTS, manifest, write_model

NAMES = (
    *("README.md", "loss.png", "model.safetensors", "config.json", "tokenizer.json"),
    *("training/metrics.jsonl", "training/runs/events", MANIFEST, STATEMENT),
)
IDENTITY = "https://github.com/lab/arborist/.github/workflows/retrain.yml@refs/heads/main"


@dataclass(frozen=True)
class Releases:
    """Copies of two releases by one key, as somebody has them who downloaded them."""

    first: Path
    second: Path
    key: ReleaseKey


@dataclass(frozen=True)
class Told:
    """What a command printed, and its exit code."""

    code: int
    out: list[str]
    err: str

    def failed(self) -> set[str]:
        """The checks that failed."""
        return {line[2:].partition(":")[0] for line in self.out if line.startswith("✘ ")}

    def line(self, check: str) -> str:
        """The line of a check."""
        return next(line for line in self.out if line[2:].startswith(f"{check}: "))


Arborist = Callable[..., Told]


@pytest.fixture
def arborist(capsys: pytest.CaptureFixture[str]) -> Arborist:
    """Runs `arborist verify` as the program does."""

    def run(*arguments: object) -> Told:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run_program(lambda: app(["verify", *map(str, arguments)]))
        said = capsys.readouterr()
        out = said.out.splitlines()
        assert all(line.startswith(("✔ ", "✘ ")) for line in out), said.out
        assert "Traceback" not in said.out + said.err
        return Told(int(ended.value.code or 0), out, said.err)

    return run


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    folder = tmp_path_factory.mktemp("releases")
    key = release_key(folder / "key")
    model = write_model(folder / "model")
    for tag in ("v1", "v2"):
        with prepared(model, FILES, manifest(tag, files=sorted(NAMES)), Signer({}, key.pem)) as place:
            shutil.copytree(place, folder / tag)
    return Releases(folder / "v1", folder / "v2", key)


@pytest.fixture
def copy(releases: Releases, tmp_path: Path) -> Path:
    """A copy of the first release to change."""
    return Path(shutil.copytree(releases.first, tmp_path / "copy"))


def resigned(folder: Path, key: ReleaseKey, stated: dict[str, Any]) -> Path:
    """A release with this manifest, signed by the maintainers themselves."""
    with prepared(write_model(folder / "model"), FILES, stated, Signer({}, key.pem)) as place:
        return Path(shutil.copytree(place, folder / "resigned"))


def test_a_release_as_it_was_published_passes_each_check(arborist: Arborist, releases: Releases) -> None:
    told = arborist(releases.first, "--key", releases.key.public)
    assert told == Told(
        0,
        [
            f"✔ signature: model.sig is by the key {releases.key.public}",
            "✔ files: 8 files have the digests of manifest.intoto.json",
            "✔ manifest: lab/model@v1, made of lab/taxonomy at bbbbbbb",
        ],
        "",
    )


def flip(file: Path, place: int = -1, mask: int = 1) -> None:
    content = bytearray(file.read_bytes())
    content[place % len(content)] ^= mask
    file.write_bytes(content)


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


def test_the_signature_of_another_release_fails(arborist: Arborist, releases: Releases, copy: Path) -> None:
    shutil.copy(releases.second / SIGNATURE, copy)
    told = arborist(copy, "--key", releases.key.public)
    assert told.failed() == {"signature"}
    assert f"changed: {STATEMENT}, {MANIFEST};" in told.line("signature")


def test_the_signature_of_another_key_fails(
    arborist: Arborist, releases: Releases, copy: Path, tmp_path: Path
) -> None:
    other = release_key(tmp_path / "other")
    assert arborist(copy, "--key", other.public).failed() == {"signature"}
    Signer({}, other.pem).sign(copy)
    told = arborist(copy, "--key", releases.key.public)
    assert told.failed() == {"signature"}
    assert "model.sig is not accepted: Key mismatch" in told.line("signature")
    # The hint names the right key, but the signature is the other's.
    forged = json.loads((copy / SIGNATURE).read_text())
    genuine = json.loads((releases.first / SIGNATURE).read_text())
    forged["verificationMaterial"] = genuine["verificationMaterial"]
    (copy / SIGNATURE).write_text(json.dumps(forged))
    told = arborist(copy, "--key", releases.key.public)
    assert "model.sig is not accepted: InvalidSignature" in told.line("signature")


@pytest.mark.parametrize("length", [0, 1, 100, 1000, -1])
def test_a_truncated_signature_fails(arborist: Arborist, releases: Releases, copy: Path, length: int) -> None:
    (copy / SIGNATURE).write_bytes((copy / SIGNATURE).read_bytes()[:length])
    told = arborist(copy, "--key", releases.key.public)
    assert told.failed() == {"signature"}
    assert "model.sig is not accepted: " in told.line("signature")


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


def test_a_release_that_is_not_signed_fails_unless_that_is_accepted(
    arborist: Arborist, releases: Releases, copy: Path
) -> None:
    (copy / SIGNATURE).unlink()
    told = arborist(copy, "--key", releases.key.public)
    assert told.failed() == {"signature"}
    assert "there is no model.sig, so the release is not signed" in told.line("signature")
    told = arborist(copy, "--unsigned")
    assert told.code == 0
    assert "none is asked for (--unsigned)" in told.line("signature")
    flip(copy / "model.safetensors")
    assert arborist(copy, "--unsigned").failed() == {"files"}


def test_a_release_of_before_there_were_statements_cannot_be_verified(
    arborist: Arborist, tmp_path: Path
) -> None:
    (tmp_path / "model.safetensors").write_bytes(WEIGHTS)
    (tmp_path / MANIFEST).write_text(json.dumps({**manifest(), "version": 5}))
    told = arborist(tmp_path, "--unsigned")
    assert told.failed() == {"files", "manifest"}
    assert "there is no manifest.intoto.json: this is not a release, or one from before" in told.line("files")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], "whose signature is expected? give --key, or --identity with --issuer, or --unsigned"),
        (["--unsigned", "--key", "x"], "whose signature is expected?"),
        (["--identity", "x", "--issuer", "y", "--key", "x"], "whose signature is expected?"),
        (["--identity", "x"], "--identity and --issuer go together"),
        (["--source", "lab/handbook"], "--identity and --issuer go together"),
        (["--key", "/no/such.pub"], "--key /no/such.pub: this is not a PEM file with the public key"),
        (["--key", "README.md"], "--key README.md: this is not a PEM file with the public key"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    arborist: Arborist, releases: Releases, options: list[str], wanted: str
) -> None:
    told = arborist(releases.first, *options)
    assert (told.code, told.out) == (2, [])
    assert told.err.startswith("arborist: ")
    assert wanted in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    "name", ["lab/model", "lab/model@main", "model@v1", "lab/mo del@v1", "/no/such/folder", "lab/model@v0"]
)
def test_what_is_neither_a_folder_nor_a_release_is_code_2(arborist: Arborist, name: str) -> None:
    told = arborist(name, "--unsigned")
    assert (told.code, told.out) == (2, [])
    assert f"{name}: neither a folder nor a release; name one as organization/name@v1" in told.err


def test_a_private_key_is_not_taken_for_a_public_one(
    arborist: Arborist, releases: Releases, tmp_path: Path
) -> None:
    told = arborist(releases.first, "--key", releases.key.private)
    assert told.code == 2
    from cryptography.hazmat.primitives import serialization

    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "rsa.pub").write_bytes(pem)
    assert arborist(releases.first, "--key", tmp_path / "rsa.pub").code == 2


def test_without_the_package_only_signatures_cannot_be_verified(
    arborist: Arborist, releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "model_signing"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "model_signing", None)
    told = arborist(releases.first, "--key", releases.key.public)
    assert told.code == 2
    assert "install arborist-bot with the extra `release`" in told.err
    assert arborist(releases.first, "--unsigned").code == 0


def certificate(source: str) -> x509.Certificate:
    """A certificate with sigstore's extension for the repository in which a workflow ran."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sigstore")])
    text = f"https://github.com/{source}".encode()
    oid = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.12")
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(minutes=10))
        .add_extension(x509.UnrecognizedExtension(oid, bytes([0x0C, len(text)]) + text), critical=False)
        .sign(key, hashes.SHA256())
    )


@pytest.mark.parametrize(
    ("ran_in", "options", "fails"),
    [
        ("lab/arborist", [], set()),
        ("lab/arborist", ["--source", "lab/arborist"], set()),
        ("lab/handbook", ["--source", "lab/handbook"], set()),
        ("lab/handbook", [], {"signature"}),
        ("mallory/handbook", ["--source", "lab/handbook"], {"signature"}),
    ],
)
def test_sigstore_is_asked_for_the_identity_and_the_run_must_be_of_the_source(
    arborist: Arborist,
    releases: Releases,
    monkeypatch: pytest.MonkeyPatch,
    ran_in: str,
    options: list[str],
    fails: set[str],
) -> None:
    """sigstore itself is not there: its verifier is replaced by a key's, its certificate by one of ours."""
    asked: list[dict[str, Any]] = []

    def instead(self: verifying.Config, **given: Any) -> verifying.Config:
        asked.append(given)
        return self.use_elliptic_key_verifier(public_key=releases.key.public)

    monkeypatch.setattr(verifying.Config, "use_sigstore_verifier", instead)
    monkeypatch.setattr(trust, "_certificate", lambda _: certificate(ran_in))
    told = arborist(releases.first, "--identity", IDENTITY, "--issuer", ISSUER, *options)
    assert asked == [{"identity": IDENTITY, "oidc_issuer": ISSUER}]
    assert told.failed() == fails
    if fails:
        assert f"got https://github.com/{ran_in}, expected" in told.line("signature")


def test_a_key_signature_is_no_identity(
    arborist: Arborist, releases: Releases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And where sigstore's own keys cannot be fetched, that is one line."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    told = arborist(releases.first, "--identity", IDENTITY, "--issuer", ISSUER)
    assert told.code == 2
    assert "the keys of sigstore cannot be fetched (" in told.err
    assert told.err.count("\n") == 1


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_maintainer")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    with running(tmp_path / "hub", free_port()) as serving:
        monkeypatch.setenv("HF_ENDPOINT", serving.url)
        yield serving


def test_a_release_on_the_hub_is_verified_under_its_own_tag_only(
    arborist: Arborist, local_hub: RunningHub, releases: Releases, tmp_path: Path
) -> None:
    model, own = write_model(tmp_path / "model"), ("--key", releases.key.public)
    for tag in ("v1", "v2"):
        publish(MODEL, model, FILES, manifest(tag), Signer({}, releases.key.pem))
    assert arborist(f"{MODEL}@v1", *own).code == 0
    assert arborist(f"{MODEL}@v2", *own).code == 0
    api = local_hub.api()
    newest = {tag.name: tag.target_commit for tag in api.list_repo_refs(MODEL).tags}["v2"]
    api.delete_tag(MODEL, tag="v1")
    api.create_tag(MODEL, tag="v1", revision=newest)
    told = arborist(f"{MODEL}@v1", *own)
    assert told.failed() == {"manifest"}
    assert "manifest.json is of lab/model@v2, not of lab/model@v1" in told.line("manifest")


def test_a_commit_on_the_hub_that_somebody_moved_the_tag_to_fails(
    arborist: Arborist, local_hub: RunningHub, releases: Releases, tmp_path: Path
) -> None:
    signer = Signer({}, releases.key.pem)
    publish(MODEL, write_model(tmp_path / "model"), FILES, manifest(), signer)
    api = local_hub.api()
    changed = bytes([WEIGHTS[0] ^ 1]) + WEIGHTS[1:]
    api.upload_file(path_or_fileobj=changed, path_in_repo="model.safetensors", repo_id=MODEL)
    api.upload_file(path_or_fileobj=b"[" * 100_000, path_in_repo=MANIFEST, repo_id=MODEL)
    api.delete_tag(MODEL, tag="v1")
    api.create_tag(MODEL, tag="v1")
    told = arborist(f"{MODEL}@v1", "--key", releases.key.public)
    assert told.failed() == {"signature", "files", "manifest"}
    assert f"changed: {MANIFEST}, model.safetensors;" in told.line("files")


def test_a_release_that_is_not_on_the_hub_is_one_line(
    arborist: Arborist, local_hub: RunningHub, tmp_path: Path
) -> None:
    told = arborist(f"{MODEL}@v1", "--unsigned")
    assert "lab/model has no release v1; there is no release that can be read from here" in told.err
    stated = manifest(signature=dict(UNSIGNED))
    publish(MODEL, write_model(tmp_path / "model"), FILES, stated)
    told = arborist(f"{MODEL}@v3", "--unsigned")
    assert (told.code, told.out) == (2, [])
    assert "lab/model has no release v3; there is v1\n" in told.err
    told = arborist("lab/--model@v1", "--unsigned")
    assert told.code == 2
    assert "lab/--model@v1: not a name on the Hub: " in told.err
    assert arborist(f"{MODEL}@v1", "--unsigned").code == 0


def test_a_hub_that_is_not_there_is_one_line(arborist: Arborist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    told = arborist(f"{MODEL}@v1", "--unsigned")
    assert told.code == 2
    assert "fetching lab/model v1: the Hub at http://127.0.0.1:" in told.err
    assert told.err.count("\n") == 1


def test_leaves_are_not_compared_where_another_check_failed(
    arborist: Arborist, releases: Releases, copy: Path
) -> None:
    flip(copy / MANIFEST)
    told = arborist(copy, "--key", releases.key.public, "--repository", copy)
    assert told.line("leaves") == "✘ leaves: not compared, since another check failed"


def test_every_file_of_a_release_is_in_the_table_of_this_test(releases: Releases) -> None:
    assert set(files_below(releases.first)) == {*NAMES, SIGNATURE}
