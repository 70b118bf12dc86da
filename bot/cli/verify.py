"""The command that verifies a release, for everybody who downloads one."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.root import app
from bot.core.errors import UserError
from bot.release.tags import EXAMPLE, TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.release.trust import Trust
    from bot.release.verify import Check, Copy

_RELEASE = re.compile(r"([\w.-]+/[\w.-]+)@(" + TAG.pattern + ")", re.ASCII)


@app.command()
def verify(
    release: Annotated[
        str, typer.Argument(help="organization/name@tag on the Hub; or a copy's folder, without companions.")
    ],
    key: Annotated[
        Path | None, typer.Option(help="The public key of the maintainers, if they sign with a key.")
    ] = None,
    identity: Annotated[
        str, typer.Option(help="The identity that must have signed, if sigstore vouches for it.")
    ] = "",
    issuer: Annotated[str, typer.Option(help="The OpenID Connect issuer of the identity.")] = "",
    source: Annotated[
        str,
        typer.Option(help="The repository whose workflow run must have signed. Default: the identity's."),
    ] = "",
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Check the digests only; accept a release without signature.")
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="A file or folder that others added and nothing loads. May be repeated."),
    ] = None,
    repository: Annotated[
        Path | None, typer.Option(help="A clone of the taxonomy, to compare the leaves with.")
    ] = None,
) -> None:
    """Verify a release: its signature, files, manifest, companions, leaves. Exits with 1 if a check fails."""
    from bot.release.verify import Copy
    from bot.release.verify import verify as checks

    trust = _trust(key, identity, issuer, source, unsigned=unsigned)
    copy = Copy(_folder(release), allow or ())
    well = True

    def tell(check: "Check") -> None:
        nonlocal well
        print(f"{'✔' if check.passed else '✘'} {check.name}: {check.what}", flush=True)
        well &= check.passed

    for check in checks(copy, trust, "" if Path(release).is_dir() else release):
        tell(check)
    for check in _companions(release, copy) if well else ():
        tell(check)
    if repository:
        tell(_leaves(repository, copy, well=well))
    raise typer.Exit(0 if well else 1)


def _leaves(repository: Path, copy: "Copy", *, well: bool) -> "Check":
    """Return the check of the leaves.

    Args:
        well: whether all other checks passed.
    """
    from bot.pipeline.verify_leaves import verify_leaves
    from bot.release.verify import Check

    if not well:
        return Check("leaves", False, "not compared, since another check failed")
    return verify_leaves(repository, copy.manifest)


def _companions(release: str, copy: "Copy") -> "Iterator[Check]":
    """Yield the check of each companion of a release; a folder has the model alone."""
    from bot.core.progress import say
    from bot.release.verify_companions import verify_companions

    if not Path(release).is_dir():
        yield from verify_companions(copy.manifest, copy.allowed)
    elif copy.manifest.get("companions"):
        named = f"{copy.manifest['repository']}@{copy.manifest['release']}"
        say(f"the companions of the release are not checked; `arborist verify {named}` also downloads them")


def _trust(key: Path | None, identity: str, issuer: str, source: str, *, unsigned: bool) -> "Trust | None":
    """Return whose signature is accepted; None if none is asked for.

    Raises:
        UserError: the options name nobody, or several.
    """
    from bot.release.trust import Trust

    ways = "give --key, or --identity with --issuer, or --unsigned"
    if sum(map(bool, (key, identity or issuer or source, unsigned))) != 1:
        raise UserError(f"verify: whose signature is expected? {ways}")
    if unsigned:
        return None
    if not key and not (identity and issuer):
        raise UserError("verify: --identity and --issuer go together; ask the maintainers for both")
    return Trust(key, identity, issuer, source)


def _folder(release: str) -> Path:
    """Return the folder of a copy; download a release that is named by its tag.

    Raises:
        UserError: it is neither a folder nor a release.
    """
    if Path(release).is_dir():
        return Path(release)
    named = _RELEASE.fullmatch(release)
    if not named:
        raise UserError(f"{release}: neither a folder nor a release; name one as organization/name@{EXAMPLE}")
    from huggingface_hub.errors import HFValidationError

    from bot.release.hub import download_tag

    try:
        return download_tag(named[1], named[2])
    except HFValidationError as error:
        raise UserError(f"{release}: not a name on the Hub: {' '.join(str(error).split())}") from None
