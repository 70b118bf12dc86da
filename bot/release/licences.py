"""Licences: whether a model may be released under one, given those of its leaves and of the base model.

The table licences.yaml says what each licence asks for. It is a cautious reading and no legal advice.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from bot.config.recipe import Recipe, ReleaseRecipe
from bot.core.errors import UserError
from bot.inference.models import file_at_hand, model_name
from bot.taxonomy.attribution import ATTRIBUTION
from bot.taxonomy.leaf import Leaf

Asks = Literal["nothing", "share-alike", "condition", "unknown"]
"""What a licence asks of a release that it does not allow as it is; `nothing` if it allows the release."""
_TABLE = Path(__file__).with_name("licences.yaml")
_JOINED = re.compile(r"[()]|\s(?:and|or)\s")
_ENDINGS = ("-only", "-or-later", "+")
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\s", re.DOTALL)
LARGEST_CARD = 1_000_000
MOST_NAMED = 5
"""How many leaves one message names."""


@dataclass(frozen=True)
class Conflict:
    """A licence of a leaf or of the base model that does not allow the release as the recipe wants it.

    Attributes:
        leaf: path of the leaf; "" for the base model.
        reason: what is wrong, where, and how to fix it.
        refused: whether nothing may be trained; otherwise the model card says what the licence asks for.
    """

    leaf: str
    reason: str
    refused: bool


def check_licences(leaves: Sequence[Leaf], recipe: Recipe) -> None:
    """Check before training that the licences allow the release.

    Raises:
        UserError: the licence of a leaf or of the base model does not; the message has both ways out.
    """
    refused = [conflict for conflict in licence_conflicts(leaves, recipe) if conflict.refused]
    if refused:
        others = list(dict.fromkeys(conflict.leaf for conflict in refused[1:]))
        named = ", ".join(others[:MOST_NAMED]) + (" and others" if len(others) > MOST_NAMED else "")
        more = f"; the same holds for {named}" if others else ""
        raise UserError(f"nothing is trained: {refused[0].reason}{more}", code=1)


def licence_conflicts(leaves: Sequence[Leaf], recipe: Recipe) -> list[Conflict]:
    """Return the licences that do not allow the release as the recipe wants it, the base model's first."""
    found = list(_of_base_model(recipe))
    for leaf in leaves:
        where = f"{recipe.taxonomy.prefix}{leaf.path}/{ATTRIBUTION}"
        for licence in dict.fromkeys(work.licence for work in leaf.attribution):
            asks = what_it_asks(licence, recipe.release.license)
            if asks == "condition":
                found.append(Conflict(leaf.path, f"{where}: {_condition(licence, recipe.release)}", True))
            elif asks == "share-alike":
                reason = f"{where}: {_share_alike(licence, recipe.release)}"
                found.append(Conflict(leaf.path, reason, recipe.release.share_alike == "strict"))
    return found


def what_it_asks(licence: str, release: str) -> Asks:
    """Return what a licence asks of a release that it does not allow as it is.

    Args:
        licence: an SPDX identifier or expression, or the Hub's name. All parts of an expression count, since
            nobody records which alternative was chosen.
        release: the Hub's name for the licence of the release.
    """
    asked = {_part_asks(part, _normal(release)) for part in _parts(licence)} or {"unknown"}
    order: tuple[Asks, ...] = ("condition", "share-alike", "unknown", "nothing")
    return next(one for one in order if one in asked)


def same_licence(licence: str) -> str:
    """Return the Hub's name for the licence that a share-alike licence asks for; "" if it asks for none."""
    return next(iter(_allowed(licence)), "")


def base_model_licence(model: str) -> str:
    """Return the Hub's name for the licence of a base model; "" if it is not known on this machine.

    Args:
        model: `embedded`, a folder, or org/name@revision on the Hub.
    """
    name = model_name(model)
    known: Mapping[str, str] = _table()["base_models"]
    beginnings = [beginning for beginning in known if name.startswith(beginning)]
    if beginnings:
        return known[max(beginnings, key=len)]
    card = file_at_hand(model, "README.md")
    return _stated(card) if card else ""


def _of_base_model(recipe: Recipe) -> Iterator[Conflict]:
    licence, release = base_model_licence(recipe.student.model), recipe.release
    if what_it_asks(licence, release.license) in ("share-alike", "condition"):
        ways = [*_by_licence(licence), "train another student"]
        reason = f"{licence} does not allow a release under {release.license}; {', or '.join(ways)}"
        yield Conflict("", f"student {recipe.student.model}: {reason}", True)


def _condition(licence: str, release: ReleaseRecipe) -> str:
    """Return what is wrong with a licence whose condition the release does not meet, and how to fix it."""
    ways = [*_by_licence(licence), "take the content from a work under another licence"]
    if len(ways) > 1:
        return f"{licence} does not allow a release under {release.license}; {', or '.join(ways)}"
    return f"{licence} allows no release of what is made from the work; {ways[0]}, or delete the leaf"


def _share_alike(licence: str, release: ReleaseRecipe) -> str:
    """Return what is wrong with a share-alike licence if the release has another, and how to fix it."""
    found = f"{licence} asks for the same licence, and the release has {release.license}"
    if release.share_alike == "note":
        return f"{found}; the model card says so"
    ways = [f"`release.license: {name}`" for name in _allowed(licence)[:1]] + ["`release.share_alike: note`"]
    return f"{found}; set {' or '.join(ways)} in arborist.yaml"


def _by_licence(licence: str) -> list[str]:
    """Return the way out by the licence of the release, if there is one."""
    return [f"set `release.license: {name}` in arborist.yaml" for name in _allowed(licence)[:1]]


def _allowed(licence: str) -> list[str]:
    """Return the licences of a release that satisfy all parts of a licence, the first choice first."""
    conditions = _conditions()
    each = [conditions[part] for part in map(_normal, _parts(licence)) if part in conditions]
    return [name for name in each[0] if all(name in others for others in each)] if each else []


def _part_asks(part: str, release: str) -> Asks:
    name, conditions = _normal(part), _conditions()
    if name in conditions:
        missed: Asks = "share-alike" if name in _table()["share_alike"] else "condition"
        return "nothing" if release in conditions[name] else missed
    return "nothing" if name == release or name in _table()["free"] else "unknown"


def _parts(licence: str) -> list[str]:
    return [part.strip() for part in _JOINED.split(licence.casefold()) if part.strip()]


def _normal(name: str) -> str:
    """Return a licence as the table writes it; an exception after `with` does not count."""
    found = name.strip().casefold().partition(" with ")[0]
    return next((found.removesuffix(ending) for ending in _ENDINGS if found.endswith(ending)), found)


@cache
def _conditions() -> Mapping[str, list[str]]:
    """Return licence -> the licences of a release that satisfy it."""
    return {**_table()["share_alike"], **_table()["restricted"]}


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = yaml.safe_load(_TABLE.read_text())
    return table


def _stated(card: Path) -> str:
    """Return the licence in the metadata of a model card; "" if it states none, or several."""
    with card.open(encoding="utf-8", errors="replace") as file:
        match = _FRONT_MATTER.match(file.read(LARGEST_CARD))
    try:
        metadata = yaml.safe_load(match.group(1)) if match else None
    except (yaml.YAMLError, RecursionError):
        return ""
    stated = metadata.get("license") if isinstance(metadata, dict) else None
    return stated if isinstance(stated, str) else ""
