"""Rules that the set-up step must keep; each rule has a name, and takes the step's files as text, by name.

Every job runs the set-up step before anything else, on machines that strangers' jobs may have used. So it
starts only the programs and reads only the variables that are listed here, and checks what was kept before it
uses that.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping

import yaml

Texts = Mapping[str, str]

FILES = {
    *("action.yml", "setup.sh", "__main__.py"),
    *("converter.py", "environments.py", "machine.py", "packages.py", "step.py"),
}
ACTION = {
    "using": "composite",
    "steps": [
        {
            "shell": "bash",
            "env": {"JOB": "${{ inputs.job }}", "ARBORIST_STORE": "${{ inputs.store }}"},
            "run": 'bash "$GITHUB_ACTION_PATH/setup.sh"',
        }
    ],
}
SCRIPT = r"""
set -euo pipefail
own='' others=''
IFS=: read -ra places <<<"$PATH"
for place in "${places[@]}"; do
case $place in
"$HOME" | "$HOME"/*) own+=:$place ;;
/*) others+=:$place ;;
esac
done
PATH=${others#:}$own
exec python3 -I -S "$GITHUB_ACTION_PATH"
"""
"""The lines of setup.sh: programs in the home folder come last, and Python reads nothing of a user's."""
VARIABLES = {
    *("JOB", "GITHUB_ACTIONS", "GITHUB_PATH", "GITHUB_WORKSPACE", "RUNNER_TEMP", "RUNNER_TOOL_CACHE"),
    *("UV_CACHE_DIR", "XDG_CACHE_HOME"),
}
"""The variables that the Python files read by name."""
PROGRAMS = {
    *("python", "self.uv", "*pip", "*_git(self.source)", "*_git(source)", "*git", "*command", "*arguments"),
}
"""The first words of the commands that `run` starts, as they stand in the code."""
MODULES = {
    *("ast", "base64", "collections", "concurrent", "csv", "dataclasses", "fcntl", "fnmatch", "hashlib"),
    *("json", "os", "pathlib", "re", "shutil", "subprocess", "sys", "tarfile", "tempfile", "tomllib"),
    *("types", "typing", "urllib", "converter", "environments", "machine", "packages", "step"),
}
"""What the Python files import: each other, and of the standard library nothing that speaks to a network."""


def problems(texts: Texts) -> list[str]:
    """List what is wrong with the files of the set-up step."""
    strangers = sorted(texts.keys() ^ FILES)
    if strangers:
        return [f"{name} is not one of the files that the rules know" for name in strangers]
    return [f"{rule.__name__}: {found}" for rule in RULES for found in rule(texts)]


def modules(texts: Texts) -> Iterator[tuple[str, ast.Module]]:
    for name, text in texts.items():
        if name.endswith(".py"):
            yield name, ast.parse(text)


def the_action_runs_the_script_and_nothing_else(texts: Texts) -> Iterator[str]:
    action = yaml.safe_load(texts["action.yml"])
    if action["runs"] != ACTION or set(action["inputs"]) != {"job", "store"}:
        yield "action.yml does something else"


def the_script_is_the_known_one(texts: Texts) -> Iterator[str]:
    lines = [line.strip() for line in texts["setup.sh"].splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    yield from (f"setup.sh has another line: {line}" for line in lines if line not in SCRIPT.splitlines())
    if lines != SCRIPT.strip().splitlines():
        yield "setup.sh does something else"


def only_known_programs_are_started(texts: Texts) -> Iterator[str]:
    for name, module in modules(texts):
        for node in ast.walk(module):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called == "run" and ast.unparse(node.args[0]) not in PROGRAMS:
                yield f"{name} starts {ast.unparse(node.args[0])}"
            starts = called.startswith(("subprocess.", "os.system", "os.exec", "os.spawn", "os.popen"))
            if starts and (name, called) != ("machine.py", "subprocess.run"):
                yield f"{name} starts something by {called}"
            if called in ("shutil.which", "eval", "exec", "compile", "__import__"):
                yield f"{name} calls {called}"
            if any(keyword.arg == "shell" for keyword in node.keywords):
                yield f"{name} starts a shell"


def only_known_variables_are_read(texts: Texts) -> Iterator[str]:
    for name, module in modules(texts):
        text = ast.unparse(module)
        for variable in re.findall(r"os\.environ(?:\.get\(|\[)'(\w+)'", text):
            if variable not in VARIABLES:
                yield f"{name} reads {variable}"


def only_known_modules_are_imported(texts: Texts) -> Iterator[str]:
    for name, module in modules(texts):
        for node in ast.walk(module):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for one in imported:
                if one.partition(".")[0] not in MODULES or one == "urllib.request":
                    yield f"{name} imports {one}"


def what_is_kept_is_checked_before_it_is_used(texts: Texts) -> Iterator[str]:
    functions = {
        node.name: ast.unparse(node)
        for node in ast.walk(ast.parse(texts["environments.py"]))
        if isinstance(node, ast.FunctionDef)
    }
    got = functions["get"]
    if "trouble = _trouble(folder, manifest)" not in got or "if trouble:" not in got:
        yield "an environment is used that was not checked"
    if (
        "_contents(folder)" not in functions["_trouble"]
        or "wanted.get(name) != found.get(name)" not in (functions["_trouble"])
    ):
        yield "files are not compared"
    if got.count("_altered(folder, found)") < 2:
        yield "what was installed is not compared with its packages"
    if got.index("rename(manifest)") < got.index("make(folder, False)"):
        yield "an environment is complete before it is"


def everything_is_pinned_and_settings_of_a_user_do_not_count(texts: Texts) -> Iterator[str]:
    packages, machine = texts["packages.py"], texts["machine.py"]
    for command, lock in (('["pip", ', '"--constraints"'), ('["build", ', '"--build-constraints"')):
        if packages.count(command) != packages.count(f"{lock}, self.source / LOCK"):
            yield f"packages.py does without {lock}"
    if '(self.uv, "--no-config"' not in packages.replace("run(self.uv", "(self.uv"):
        yield "uv reads the settings of a user"
    if '"--require-hashes", "--requirement", requirement' not in texts["converter.py"]:
        yield "the converter is not pinned"
    if "_digest(archive) != digest" not in texts["converter.py"]:
        yield "a kept converter is not compared"
    if 'f"uv=={version}"' not in machine:
        yield "uv is not pinned"
    if '"HOME": str(home)' not in machine or '"PYTHON"' not in machine:
        yield "child processes see the user's home or Python's variables"
    if machine.count('"-I"') < 3:
        yield "Python reads the user's site-packages"


RULES: list[Callable[[Texts], Iterator[str]]] = [
    the_action_runs_the_script_and_nothing_else,
    the_script_is_the_known_one,
    only_known_programs_are_started,
    only_known_variables_are_read,
    only_known_modules_are_imported,
    what_is_kept_is_checked_before_it_is_used,
    everything_is_pinned_and_settings_of_a_user_do_not_count,
]
