#!/usr/bin/env bash
# Run the set-up (__main__.py) with the machine's python3. It takes python3 and git from PATH, and nothing else.
set -euo pipefail
# An earlier job on this machine can put programs into its home folder, so that is searched last.
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
