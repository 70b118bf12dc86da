"""Whose signature a release must have: the holder of a key, or an identity for which sigstore vouches."""

import base64
import io
import json
import re
from collections.abc import Collection, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import UserError
from bot.release.manifest import LARGEST
from bot.release.signature import SIGNATURE, model_signing, reason
from bot.taxonomy.files import shown

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from model_signing.verifying import Config

MOST_NAMED = 10
"""Maximum number of files that one message names."""
_WORKFLOW = re.compile(r"https://github\.com/([^/]+/[^/]+)/")


@dataclass(frozen=True)
class Trust:
    """Whose signature is accepted. Either the key is set, or the identity and its issuer.

    Attributes:
        key: the file of the public key.
        identity: the identity in sigstore's certificate; for a workflow, its URL with a reference.
        issuer: the OpenID Connect issuer that vouches for the identity.
        source: the repository on GitHub in which the workflow ran, as owner/name; "" for the identity's own.
            Every repository that calls a workflow has the same identity, so the identity is not enough.
    """

    key: Path | None = None
    identity: str = ""
    issuer: str = ""
    source: str = ""

    @property
    def who(self) -> str:
        """Whose signature is accepted, in words."""
        source = f" in {self.workflow_source}" if self.workflow_source else ""
        return f"the key {self.key}" if self.key else f"{self.identity}{source}"

    @property
    def workflow_source(self) -> str:
        """The repository in which the workflow must have run; "" if the identity is not a workflow's."""
        workflow = _WORKFLOW.match(self.identity)
        return self.source or (workflow[1] if workflow else "")


def signature_problem(
    folder: Path, trust: Trust, digests: Mapping[str, str], ignored: Collection[str]
) -> str:
    """Check the signature of a copy of a release: it must be by whom we trust, for exactly these files.

    Args:
        folder: the copy of the release.
        digests: file -> SHA-256, for the names of the files that differ.
        ignored: files of others beside the release, which are not signed.

    Returns:
        What is wrong, in one line; "" if the signature is valid.

    Raises:
        UserError: the key cannot be read, sigstore cannot be reached, or the package is not installed.
    """
    signature = folder / SIGNATURE
    if not signature.is_file():
        return f"there is no {SIGNATURE}, so the release is not signed"
    if signature.stat().st_size > LARGEST:
        return f"{SIGNATURE} is larger than {LARGEST // 1_000_000} MB"
    model_signing()
    from model_signing.hashing import Config as Hashing

    config = _verifier(trust)
    hashing = Hashing().set_ignored_paths(paths=[SIGNATURE, *ignored]).set_allow_symlinks(True)
    try:
        with redirect_stdout(io.StringIO()):  # the package prints warnings
            config.set_hashing_config(hashing).verify(folder, signature)
        if trust.identity and trust.workflow_source:
            _check_source(_certificate(signature), trust.workflow_source)
    except Exception as error:  # a malformed signature causes errors of many classes
        return _explained(error, signature, digests)
    return ""


def _verifier(trust: Trust) -> "Config":
    from model_signing.verifying import Config

    try:
        if trust.key:
            return Config().use_elliptic_key_verifier(public_key=trust.key)
        return Config().use_sigstore_verifier(identity=trust.identity, oidc_issuer=trust.issuer)
    except Exception as error:  # the errors of the package have no common class
        if trust.key:
            wanted = "a PEM file with the public key of an elliptic-curve key"
            raise UserError(f"--key {trust.key}: this is not {wanted} ({reason(error)})") from None
        why = f"the keys of sigstore cannot be fetched ({reason(error)})"
        raise UserError(f"verifying the signature: {why}; check the network and run again") from None


def _certificate(signature: Path) -> "Certificate":
    from sigstore.models import Bundle

    certificate: Certificate = Bundle.from_json(signature.read_text()).signing_certificate
    return certificate


def _check_source(certificate: "Certificate", source: str) -> None:
    """Check in which repository the workflow ran that sigstore issued a certificate to.

    Raises:
        sigstore.errors.VerificationError: in another one.
    """
    from sigstore.verify.policy import OIDCSourceRepositoryURI

    OIDCSourceRepositoryURI(f"https://github.com/{source}").verify(certificate)


def _explained(error: Exception, signature: Path, digests: Mapping[str, str]) -> str:
    """Return why a signature is not accepted, in one line that names the files that differ."""
    if str(error).startswith("Signature mismatch"):
        # Only names for a message are read here; that the copy is not what was signed is already known.
        envelope = json.loads(signature.read_text())["dsseEnvelope"]
        signed = json.loads(base64.b64decode(envelope["payload"]))["predicate"]["resources"]
        found = {name: digest for name, digest in digests.items() if name != SIGNATURE}
        return f"not what was signed: {differences({one['name']: one['digest'] for one in signed}, found)}"
    return f"{SIGNATURE} is not accepted: {shown(reason(error))}"


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Return the names of the files that differ, as in "changed: a, b; missing: c; extra: d"; "" if none.

    Args:
        wanted: file -> digest, as it must be.
        found: file -> digest, as it is.
    """
    kinds = {
        "changed": [name for name in wanted if name in found and wanted[name] != found[name]],
        "missing": [name for name in wanted if name not in found],
        "extra": [name for name in found if name not in wanted],
    }
    return "; ".join(f"{kind}: {names(those)}" for kind, those in kinds.items() if those)


def names(those: Collection[str]) -> str:
    """Return names in one line; of many, the first."""
    more = len(those) - MOST_NAMED
    text = ", ".join(shown(name) for name in sorted(those)[:MOST_NAMED])
    return f"{text} and {more} more" if more > 0 else text
