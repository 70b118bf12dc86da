"""`arborist verify`: whose signature it accepts, and what it says of wrong use."""

import datetime
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from model_signing import verifying

from bot.release import trust
from bot.release.manifest import MANIFEST
from bot.release.signature import ISSUER, SIGNATURE, Signer
from bot.release.statement import STATEMENT
from tests.helpers.local_hub import free_port
from tests.helpers.release_key import release_key
from tests.helpers.signed_release import WEIGHTS, manifest
from tests.helpers.verified_copies import Arborist, Releases, flip

IDENTITY = "https://github.com/lab/arborist/.github/workflows/retrain.yml@refs/heads/main"


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
    "name",
    [
        "lab/model",
        "lab/model@main",
        "model@v2024.11.01.1",
        "lab/mo del@v2024.11.01.1",
        "/no/such/folder",
        "lab/model@v0",
    ],
)
def test_what_is_neither_a_folder_nor_a_release_is_code_2(arborist: Arborist, name: str) -> None:
    told = arborist(name, "--unsigned")
    assert (told.code, told.out) == (2, [])
    assert f"{name}: neither a folder nor a release; name one as organization/name@v2026.11.29.1" in told.err


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
