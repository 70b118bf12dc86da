"""Elliptic-curve keys for tests that sign releases."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class ReleaseKey:
    """A new key: its private part as PEM text, and the files of both parts."""

    pem: str
    private: Path
    public: Path


def release_key(folder: Path, curve: ec.EllipticCurve | None = None) -> ReleaseKey:
    """Make a key and write it into a folder."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "release.pem").write_bytes(private)
    (folder / "release.pub").write_bytes(public)
    return ReleaseKey(private.decode(), folder / "release.pem", folder / "release.pub")
