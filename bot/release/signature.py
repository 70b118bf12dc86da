"""The signature of a release: one OpenSSF model signature, `model.sig`, that binds all its files.

The maintainers' key (ARBORIST_RELEASE_KEY) signs, or sigstore for the identity of the GitHub job. Both need
the package model-signing, of the extra `release`. Functions import it, since that takes seconds.
"""

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import httpx2

from bot.core.errors import UserError
from bot.core.progress import say
from bot.release import id_token

if TYPE_CHECKING:
    from model_signing.hashing import Config as Hashing
    from model_signing.signing import Config

SIGNATURE = "model.sig"
KEY = "ARBORIST_RELEASE_KEY"
"""The environment variable with the private key: its PEM text, or the path of a PEM file."""
ISSUER = "https://token.actions.githubusercontent.com"
"""The issuer of GitHub's ID tokens; sigstore accepts no token of another GitHub server."""
AUDIENCE = "sigstore"
UNSIGNED: Mapping[str, str] = {"method": "none"}
"""`signature` in the manifest of a release that is not signed."""
NOWHERE: Mapping[str, str] = MappingProxyType({})
"""No files elsewhere."""
_MAKE_KEY = "`openssl ecparam -name prime256v1 -genkey -noout -out release.pem` makes one"


@dataclass(frozen=True)
class Signer:
    """Signs releases.

    Attributes:
        facts: `signature` in the manifest; see schemas/manifest.json.
        key: the private key as PEM text; "" to sign with sigstore.
    """

    facts: Mapping[str, str]
    key: str = field(default="", repr=False)

    def sign(self, folder: Path, elsewhere: Mapping[str, str] = NOWHERE) -> None:
        """Sign all files of a folder, and files that are elsewhere, and write `model.sig` into the folder.

        Args:
            elsewhere: name -> SHA-256 of the files that are not in the folder.

        Raises:
            UserError: the key cannot be used, or sigstore cannot be reached or refuses.
        """
        with nullcontext() if self.key else _sigstore_errors():
            self._config().set_hashing_config(_hashing(elsewhere)).sign(folder, folder / SIGNATURE)

    def check(self) -> None:
        """Check before training that the package is installed and the key can be used.

        Raises:
            UserError: the package is missing, or the key cannot be used.
        """
        model_signing()
        if self.key:
            self._config()

    def _config(self) -> "Config":
        from model_signing.signing import Config

        if not self.key:
            return Config().use_sigstore_signer(use_ambient_credentials=True)
        with TemporaryDirectory() as folder:  # only this user can read it
            path = Path(folder) / "key.pem"
            path.write_text(self.key)
            try:
                return Config().use_elliptic_key_signer(private_key=path)
            except Exception as error:  # the errors of the package have no common class
                wanted = "a private key on the curve P-256, P-384 or P-521, without a password"
                raise UserError(f"{KEY}: this is not {wanted} ({reason(error)}); {_MAKE_KEY}") from None


def _hashing(elsewhere: Mapping[str, str]) -> "Hashing":
    """Return how model-signing hashes the files of a release: those in the folder, and those elsewhere."""
    from model_signing.hashing import Config
    from model_signing.manifest import Manifest, SerializationType

    class WithElsewhere(Config):  # type: ignore[misc]  # its package is imported lazily
        def hash(self, *arguments: Any, **options: Any) -> Manifest:
            found = super().hash(*arguments, **options)
            digests = {one.identifier: one.digest for one in found.resource_descriptors()}
            any_digest = next(iter(digests.values()))
            for name, sha256 in elsewhere.items():
                digests[name] = replace(any_digest, digest_value=bytes.fromhex(sha256))
            kind = SerializationType.from_args(found.serialization_type)
            items = [kind.new_item(name, digest) for name, digest in digests.items()]
            return Manifest(found.model_name, items, kind)

    return WithElsewhere().set_ignored_paths(paths=[SIGNATURE]).set_allow_symlinks(True)


@contextmanager
def _sigstore_errors() -> Iterator[None]:
    """Convert errors of sigstore and of the network to a UserError; they have no common class."""
    try:
        yield
    except Exception as error:
        raise UserError(f"signing with sigstore: {reason(error)}; run again, or set {KEY}") from None


def find_signer() -> Signer | None:
    """Return how this process can sign a release; if it cannot, say why and return None.

    ARBORIST_RELEASE_KEY wins. Without it, a GitHub job that can get an ID token signs with sigstore. That
    writes the names of repository and workflow into a public log, so only public repositories do it.

    Raises:
        UserError: the key cannot be used, GitHub does not issue an ID token, or the package is not installed.
    """
    signer, why = _find()
    if signer is None:
        say(f"the release will not be signed: {why}")
    else:
        signer.check()
    return signer


def _find() -> tuple[Signer | None, str]:
    """Return the signer; or None, and why there is none and how to change that."""
    if value := os.environ.get(KEY, ""):
        return Signer({"method": "key"}, _pem(value)), ""
    if not id_token.may_request():
        return None, f"set {KEY}, or release in a job of GitHub Actions with `id-token: write`"
    found = _claims()
    if found.get("iss") != ISSUER:
        return None, f"sigstore does not accept ID tokens of {found.get('iss')}; set {KEY}"
    if found.get("repository_visibility") != "public":
        return None, f"sigstore would publish the name of a repository that is not public; set {KEY}"
    facts = {
        "method": "sigstore",
        "identity": f"https://github.com/{found['job_workflow_ref']}",
        "issuer": ISSUER,
        "source": str(found["repository"]),
    }
    return Signer(facts), ""


def _pem(value: str) -> str:
    """Return the text of the private key."""
    if "-----BEGIN" in value:
        return value
    try:
        return Path(value).read_text()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text file"
        raise UserError(f"{KEY}: {value}: {why}; name the file of a private key: {_MAKE_KEY}") from None


def _claims() -> dict[str, Any]:
    try:
        return id_token.claims(AUDIENCE)
    except httpx2.HTTPError as error:
        why = f"GitHub did not issue an ID token to this job ({reason(error)})"
        raise UserError(f"signing the release: {why}; run again, or set {KEY}") from None


def model_signing() -> None:
    """Import the package model-signing.

    Raises:
        UserError: it is not installed.
    """
    try:
        import model_signing.signing
        import model_signing.verifying  # noqa: F401
    except ImportError as error:
        missing = f"the package {str(error.name).partition('.')[0]} is not installed"
        raise UserError(f"signatures: {missing}; install arborist-bot with the extra `release`") from None


def reason(error: Exception) -> str:
    """Return why something failed, in one line of at most 300 characters."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def how_to_verify(manifest: Mapping[str, Any]) -> str:
    """Return for the model card whether a release is signed, and how to verify it, as Markdown.

    Args:
        manifest: with `repository`, `release` and `signature`.
    """
    method, command = manifest["signature"]["method"], verify_command(manifest)
    if method == "none":
        told = "This release is not signed. All its files can be compared with the digests in"
        return f"{told} `manifest.intoto.json`:\n\n{command}"
    told = "`model.sig` signs all files of this release, this card and the manifest included"
    if method == "key":
        who = "Get the public key from the maintainers, and not from this repository"
    else:
        who = "Ask the maintainers whether this identity is theirs"
    return f"{told}. {who}:\n\n{command}"


def verify_command(manifest: Mapping[str, Any]) -> str:
    """Return the command that verifies a release, as a block of Markdown.

    Args:
        manifest: see `how_to_verify`.
    """
    facts = manifest["signature"]
    command = f"arborist verify {manifest['repository']}@{manifest['release']}"
    if facts["method"] == "none":
        return f"```sh\n{command} --unsigned\n```"
    if facts["method"] == "key":
        return f"```sh\n{command} --key release.pub\n```"
    named = ("identity", "issuer", "source")
    options = " \\\n  ".join(f"--{name} {shlex.quote(facts[name])}" for name in named)
    return f"```sh\n{command} \\\n  {options}\n```"
