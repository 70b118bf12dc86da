#!/usr/bin/env bash
# Run set-up (__main__.py) with the machine's python3. Set-up uses only python3 and git from PATH.
set -euo pipefail
# Search the home folder last, since an earlier job on this machine could have put programs there.
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
