#!/usr/bin/env bash
# Self-hosted runners keep their environment between jobs: what is there in the right version is used as it is.
set -euo pipefail
cd "$GITHUB_ACTION_PATH/../../.."
wanted=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' bot/__init__.py)
if command -v arborist >/dev/null && [ "$(arborist version)" = "$wanted" ]; then
  echo "arborist $wanted is there"
  exit 0
fi
python3 -m venv "$RUNNER_TEMP/arborist"
if [ -n "$EXTRAS" ]; then
  "$RUNNER_TEMP/arborist/bin/python" -m pip install --quiet -c constraints.txt torch==2.13.0 setuptools wheel ninja
  export DS_BUILD_OPS=0
  "$RUNNER_TEMP/arborist/bin/python" -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[$EXTRAS]"
else
  "$RUNNER_TEMP/arborist/bin/python" -m pip install --quiet -c constraints.txt -e .
fi
echo "$RUNNER_TEMP/arborist/bin" >>"$GITHUB_PATH"
