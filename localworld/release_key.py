"""The key that signs the releases of a local world."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

PRIVATE_KEY, PUBLIC_KEY = "release.pem", "release.pub"
"""The files of the key."""


def make_release_key(folder: Path) -> str:
    """Make the key that signs releases, write both parts into a folder, and return the private one as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / PRIVATE_KEY).touch(0o600)
    (folder / PRIVATE_KEY).write_bytes(private)
    (folder / PUBLIC_KEY).write_bytes(public)
    return private.decode()
