"""Loading arborist.yaml into a Recipe, validated against schemas/recipe.json."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from bot.config.device import EstimateRecipe
from bot.config.recipe import (
    EvaluateRecipe,
    GateRecipe,
    GeneralRecipe,
    GenerateRecipe,
    JudgeRecipe,
    LintRecipe,
    PhaseRecipe,
    Recipe,
    ReleaseRecipe,
    RetrievalRecipe,
    StudentRecipe,
    TeacherRecipe,
    TrainRecipe,
    TrialRecipe,
)
from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.schema import first_mistake
from bot.taxonomy.fetch import Access
from bot.taxonomy.layout import DEFAULT, Layout, find_layout

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = shipped("schemas/recipe.json")
T = TypeVar("T", bound="DataclassInstance")


def load_recipe(path: Path) -> Recipe:
    """Load and validate arborist.yaml.

    Raises:
        UserError: the file is missing, is not YAML, does not match the schema, or its settings contradict
            each other. The message names the setting.
    """
    recipe = replace(parse_recipe(_text(path), path), folder=path.parent)
    if recipe.generate.prompts:
        recipe = replace(recipe, generate=replace(recipe.generate, prompts=_prompts(path, recipe)))
    return recipe


def parse_recipe(text: bytes, path: Path) -> Recipe:
    """Parse and validate the text of arborist.yaml; reads no other file.

    Args:
        path: the path for messages.

    Raises:
        UserError: see `load_recipe`.
    """
    data = _parse(text, path)
    _check(path, data)
    recipe = _typed(data)
    if contradiction := _contradiction(recipe.train):
        raise UserError(f"{path}: train: {contradiction}", code=1)
    if recipe.release.gguf == recipe.release.repository:
        name = f"{recipe.release.repository}-GGUF"
        raise UserError(f"{path}: release: gguf needs a repository of its own, such as {name}", code=1)
    return recipe


def _prompts(path: Path, recipe: Recipe) -> str:
    folder = path.parent / recipe.generate.prompts
    if not folder.is_dir():
        raise UserError(
            f"{path}: generate.prompts: {folder} is not a folder; give a path relative to the recipe", code=1
        )
    return str(folder)


def _contradiction(train: TrainRecipe) -> str:
    """Return why settings that are valid alone cannot be combined; "" if they can."""
    knowledge, skills = train.knowledge, train.skills
    if train.rank and train.neurons:
        return "rank (adapters) and neurons exclude each other; set only one of them"
    if not train.neurons and max(knowledge.ensemble, skills.ensemble) > 1:
        return "ensemble needs new neurons; set their number, for example `neurons: 128`"
    if train.method == "sdft" and (knowledge.unmask or skills.unmask):
        return "unmask cannot be used with method sdft, which trains on answers only; remove one of them"
    if knowledge.replay or knowledge.retrieval:
        return "replay and retrieval repeat samples of the knowledge phase; set them under skills"
    return ""


def load_lint_recipe(path: Path) -> LintRecipe:
    """Return the lint settings of arborist.yaml; the defaults if the file does not exist.

    A repository that only lints may have a recipe of `version`, `lint` and `taxonomy` alone.

    Raises:
        UserError: the file is not YAML or does not match the schema. The message names the setting.
    """
    if not path.exists():
        return LintRecipe()
    data = _parse(_text(path), path)
    if _only_lints(data):
        _check(path, data["lint"], "lint")
        return _lint(data["lint"])
    return load_recipe(path).lint


def _only_lints(data: Any) -> bool:
    return isinstance(data, dict) and {"version", "lint"} <= data.keys() <= {"version", "lint", "taxonomy"}


def load_layout(path: Path, repository: Path) -> Layout:
    """Return the taxonomy's place in a repository, as arborist.yaml says.

    Args:
        path: the path of arborist.yaml. If it does not exist, the repository's folders tell the place.

    Raises:
        UserError: the file is not YAML, or `taxonomy` in it is not valid.
    """
    return _layout(_part(path, "taxonomy")) if path.exists() else find_layout(repository)


def load_prefix(path: Path) -> str:
    """Return the text before the names of a repository's workflow files, as arborist.yaml says.

    Raises:
        UserError: the file is not YAML, or `workflows` in it is not valid.
    """
    return str(_part(path, "workflows").get("workflows", "")) if path.exists() else ""


def _part(path: Path, name: str) -> dict[str, Any]:
    """Return one setting of arborist.yaml by its name, whatever else the file contains; {} without it."""
    data = _parse(_text(path), path)
    if not isinstance(data, dict) or name not in data:
        return {}
    _check(path, data[name], name)
    return {name: data[name]}


def _layout(data: Mapping[str, Any]) -> Layout:
    return Layout.of(data.get("taxonomy", DEFAULT.name))


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: file not found; run in a folder that has an arborist.yaml") from None


def _parse(text: bytes, path: Path) -> Any:
    try:
        return yaml.load(text.decode(), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}", code=1) from None


def _check(path: Path, data: Any, part: str = "") -> None:
    mistake = first_mistake(data, SCHEMA, part)
    if mistake is not None:
        raise UserError(f"{path}: {mistake[0]}: {mistake[1]}", code=1)


def _typed(data: Mapping[str, Any]) -> Recipe:
    train = dict(data["train"])
    documents = Access(**{name: tuple(urls) for name, urls in data.get("documents", {}).items()})
    train |= {name: _made(PhaseRecipe, train[name]) for name in ("knowledge", "skills")}
    train["general"] = _made(GeneralRecipe, train.get("general", {}))
    tasks = tuple(data["evaluate"].get("tasks", ()))
    judge = _made(JudgeRecipe, data["evaluate"].get("judge", {}))
    engine = data.get("engine", "local")
    return Recipe(
        teacher=_made(TeacherRecipe, data["teacher"]),
        student=_made(StudentRecipe, data["student"]),
        generate=_made(GenerateRecipe, data["generate"]),
        train=_made(TrainRecipe, train),
        evaluate=_made(
            EvaluateRecipe, {**data["evaluate"], "judge": judge, "tasks": tasks, "engine": engine}
        ),
        gate=_made(GateRecipe, data["gate"]),
        release=_made(ReleaseRecipe, data["release"]),
        engine=engine,
        trial=_made(TrialRecipe, data.get("trial", {})),
        retrieval=_made(RetrievalRecipe, data.get("retrieval", {})),
        lint=replace(
            _lint(data.get("lint", {})),
            student=data["student"]["model"],
            max_tokens=data["train"].get("max_length", TrainRecipe.max_length),
            judge=bool(judge.model),
            documents=documents,
        ),
        profile=data.get("profile", "cpu"),
        estimate=_made(EstimateRecipe, data.get("estimate", {})),
        documents=documents,
        taxonomy=_layout(data),
        workflows=data.get("workflows", ""),
        commands={name: tuple(roles) for name, roles in data["commands"].items()},
        store=data.get("store", ".arborist/store"),
        track=data.get("track", ""),
        seed=data.get("seed", 0),
    )


def _made(kind: type[T], data: Mapping[str, Any]) -> T:
    """Return a part of the recipe. JSON Schema accepts 6.4e+4 as an integer, so such floats become int."""
    whole = {one.name for one in fields(kind) if one.type is int}
    return kind(**{name: int(value) if name in whole else value for name, value in data.items()})


def _lint(data: Mapping[str, Any]) -> LintRecipe:
    lists = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
    in_places = {glob: tuple(names) for glob, names in data.get("ignore_in", {}).items()}
    return _made(LintRecipe, {**data, **lists, "ignore_in": in_places})
