#!/bin/sh
# The local world's counterpart of the program of the same name in GitHub's runner: `run.sh --jitconfig CONFIG`.
exec python3 -I -S "$(dirname "$0")/listener.py" "$@"
