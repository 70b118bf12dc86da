"""Every module can be the first that is imported: there is no circle that only some orders survive."""

import subprocess
import sys

from tests import ROOT

ALONE = """
import importlib, sys, traceback
failed = []
for name in sys.argv[1:]:
    for known in [one for one in sys.modules if one.partition(".")[0] in ("bot", "localworld")]:
        del sys.modules[known]
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed.append(f"{name}: {error}")
print("\\n".join(failed))
"""


def test_every_module_can_be_imported_first() -> None:
    files = sorted(file for package in ("bot", "localworld") for file in (ROOT / package).rglob("*.py"))
    scripts = ("localworld/actions/gate.py", "localworld/actions/stubs/")
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in files
        if not file.relative_to(ROOT).as_posix().startswith(scripts)
    ]
    assert len(names) > 200
    command = [sys.executable, "-c", ALONE, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
