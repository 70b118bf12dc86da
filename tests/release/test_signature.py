"""Signing a release: what signs, what is signed, and what is said where nothing can sign."""

import base64
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from model_signing import signing, verifying
from model_signing.hashing import Config as Hashing

from bot.core.errors import UserError
from bot.release.card import model_card
from bot.release.hub import download_release, latest_release, publish
from bot.release.manifest import MANIFEST, check_manifest
from bot.release.signature import ISSUER, KEY, SIGNATURE, UNSIGNED, Signer, find_signer
from bot.release.statement import STATEMENT
from tests.helpers.local_hub import RunningHub, free_port
from tests.helpers.release_key import ReleaseKey, release_key
from tests.helpers.signed_release import FILES, MODEL, manifest, write_model

OURS = {
    *("README.md", "loss.png", "model.safetensors", "config.json", "tokenizer.json"),
    *("training/metrics.jsonl", "training/runs/events", MANIFEST, STATEMENT),
}
CLAIMS = {
    "iss": ISSUER,
    "repository": "lab/handbook",
    "repository_visibility": "public",
    "job_workflow_ref": "lab/arborist/.github/workflows/retrain.yml@" + "d" * 40,
}


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No job of GitHub Actions, no key, and a home of one's own."""
    for name in (KEY, "GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "ARBORIST_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.fixture
def key(tmp_path: Path) -> ReleaseKey:
    return release_key(tmp_path / "key")


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A job that may get ID tokens with these claims; a claim `status` is the answer's status."""
    claims: dict[str, Any] = dict(CLAIMS)

    class Issue(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Authorization"] == "Bearer asked"
            assert "audience=sigstore" in self.path
            value = jwt.encode(claims, "a secret of thirty-two characters", algorithm="HS256")
            self.send_response(claims.get("status", 200))
            self.end_headers()
            self.wfile.write(json.dumps({"value": value}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Issue) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        url = f"http://127.0.0.1:{server.server_port}/idtoken?api-version=2.0"
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "asked")
        yield claims
        server.shutdown()


def verifies(folder: Path, key: ReleaseKey) -> None:
    """As anybody does it who has the package alone."""
    config = verifying.Config().use_elliptic_key_verifier(public_key=key.public)
    config.set_hashing_config(Hashing().set_allow_symlinks(True)).verify(folder, folder / SIGNATURE)


def signed_names(folder: Path) -> set[str]:
    envelope = json.loads((folder / SIGNATURE).read_text())["dsseEnvelope"]
    resources = json.loads(base64.b64decode(envelope["payload"]))["predicate"]["resources"]
    return {one["name"] for one in resources}


def test_one_commit_has_the_files_and_a_signature_of_all_of_them(
    local_hub: RunningHub, tmp_path: Path, key: ReleaseKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, str(key.private))
    signer = find_signer()
    assert signer is not None
    made = publish(MODEL, write_model(tmp_path / "model"), FILES, manifest(), signer)
    check_manifest(made.manifest)
    folder = download_release(made)
    verifies(folder, key)
    assert signed_names(folder) == OURS
    assert set(made.manifest["files"]) == {*OURS, SIGNATURE}
    assert len(local_hub.api().list_repo_commits(MODEL)) == 2  # the first one creates the repository
    assert key.pem.splitlines()[1] not in repr(signer)


def test_the_statement_binds_every_other_file_and_has_the_manifest(
    local_hub: RunningHub, tmp_path: Path, key: ReleaseKey
) -> None:
    made = publish(MODEL, write_model(tmp_path / "model"), FILES, manifest(), Signer({}, key.pem))
    statement = json.loads((download_release(made) / STATEMENT).read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://arborist/release/v1"
    assert statement["predicate"] == made.manifest
    assert {one["name"] for one in statement["subject"]} == OURS - {STATEMENT}


def test_a_release_that_nothing_signs_removes_the_signature_of_the_last_one(
    local_hub: RunningHub, tmp_path: Path, key: ReleaseKey
) -> None:
    model = write_model(tmp_path / "model")
    publish(MODEL, model, FILES, manifest(), Signer({}, key.pem))
    second = publish(MODEL, model, FILES, manifest("v2024.11.01.2", signature=dict(UNSIGNED)))
    files = set(local_hub.api().list_repo_files(MODEL, revision="v2024.11.01.2"))
    assert files - {".gitattributes"} == OURS == set(second.manifest["files"])


def test_where_nothing_can_sign_the_run_and_the_card_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert find_signer() is None
    said = capsys.readouterr().err
    assert said == (
        f"the release will not be signed: set {KEY}, or release in a job of GitHub Actions with "
        "`id-token: write`\n"
    )
    card = model_card(manifest(signature=dict(UNSIGNED)), None)
    assert "This release is not signed." in card
    assert "arborist verify lab/model@v2024.11.01.1 --unsigned" in card


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda one: one.name)
def test_the_variable_has_the_path_of_a_key_or_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curve: ec.EllipticCurve
) -> None:
    key = release_key(tmp_path, curve)
    monkeypatch.setenv(KEY, key.pem)
    by_text = find_signer()
    monkeypatch.setenv(KEY, str(key.private))
    assert by_text == find_signer() == Signer({"method": "key"}, key.pem)
    folder = write_model(tmp_path / "model")
    by_text.sign(folder)
    verifies(folder, key)


def _pem(key: Any, password: bytes = b"") -> str:
    kept = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    made: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kept)
    return made.decode()


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("/no/such/key.pem", r"ARBORIST_RELEASE_KEY: /no/such/key.pem: No such file or directory; name the"),
        ("/dev", r"ARBORIST_RELEASE_KEY: /dev: Is a directory"),
        (sys.executable, r"ARBORIST_RELEASE_KEY: .*: not a text file"),
        (
            "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n",
            r"this is not a private key on the curve",
        ),
        (_pem(rsa.generate_private_key(65537, 2048)), r"this is not a private key on the curve"),
        (_pem(ec.generate_private_key(ec.SECP256K1())), r"Unsupported key for curve 'secp256k1'"),
        (_pem(ec.generate_private_key(ec.SECP256R1()), b"secret"), r"without a password \(Password was not"),
    ],
    ids=["missing", "folder", "binary", "garbage", "RSA", "another curve", "with a password"],
)
def test_a_key_that_cannot_sign_is_one_line_before_training(
    monkeypatch: pytest.MonkeyPatch, value: str, wanted: str
) -> None:
    monkeypatch.setenv(KEY, value)
    with pytest.raises(UserError, match=wanted) as caught:
        find_signer()
    assert "`openssl ecparam -name prime256v1 -genkey -noout -out release.pem` makes one" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_the_package_the_line_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, key: ReleaseKey
) -> None:
    monkeypatch.setenv(KEY, key.pem)
    for name in [name for name in sys.modules if name.partition(".")[0] == "model_signing"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(UserError, match=r"model_signing is not installed; install .* the extra `release`"):
        find_signer()


def test_a_public_repositorys_job_signs_as_its_workflow(
    local_hub: RunningHub,
    github: dict[str, Any],
    tmp_path: Path,
    key: ReleaseKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """sigstore itself is not there: its signer is replaced by a key, and is asked for as it must be."""
    asked: list[dict[str, Any]] = []

    def instead(self: signing.Config, **options: Any) -> signing.Config:
        asked.append(options)
        return self.use_elliptic_key_signer(private_key=key.private)

    monkeypatch.setattr(signing.Config, "use_sigstore_signer", instead)
    signer = find_signer()
    assert signer is not None
    identity = f"https://github.com/{CLAIMS['job_workflow_ref']}"
    facts = {"method": "sigstore", "identity": identity, "issuer": ISSUER, "source": "lab/handbook"}
    assert signer.facts == facts
    assert asked == []
    stated = manifest(signature=facts)
    made = publish(MODEL, write_model(tmp_path / "model"), FILES, stated, signer)
    assert asked == [{"use_ambient_credentials": True}]
    check_manifest(made.manifest)
    verifies(download_release(made), key)
    card = model_card(stated, None)
    assert f"--identity {identity} \\\n  --issuer {ISSUER} \\\n  --source lab/handbook\n" in card


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"repository_visibility": "private"}, "would publish the name of a repository that is not public"),
        ({"repository_visibility": "internal"}, "would publish the name of a repository that is not public"),
        (
            {"iss": "https://ghes.example/_services/token"},
            "accept ID tokens of https://ghes.example/_services",
        ),
    ],
)
def test_other_jobs_need_a_key(
    github: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    key: ReleaseKey,
    claims: dict[str, Any],
    why: str,
) -> None:
    github |= claims
    assert find_signer() is None
    said = capsys.readouterr().err
    assert why in said
    assert said.endswith(f"set {KEY}\n")
    monkeypatch.setenv(KEY, key.pem)
    assert find_signer() == Signer({"method": "key"}, key.pem)


def test_a_key_wins_over_the_jobs_identity(
    github: dict[str, Any], monkeypatch: pytest.MonkeyPatch, key: ReleaseKey
) -> None:
    monkeypatch.setenv(KEY, key.pem)
    github["status"] = 500
    assert find_signer() == Signer({"method": "key"}, key.pem)


def test_an_id_token_that_github_does_not_issue_is_one_line(github: dict[str, Any]) -> None:
    github["status"] = 401
    with pytest.raises(
        UserError, match=r"signing the release: GitHub did not issue an ID token .*401"
    ) as one:
        find_signer()
    assert "\n" not in str(one.value)


def test_a_sigstore_that_cannot_be_reached_is_one_line_and_nothing_is_published(
    local_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UserError, match=rf"signing with sigstore: .*; run again, or set {KEY}"):
        publish(MODEL, write_model(tmp_path / "model"), FILES, manifest(), Signer({"method": "sigstore"}))
    assert latest_release(MODEL) is None
