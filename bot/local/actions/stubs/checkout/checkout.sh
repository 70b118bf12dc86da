#!/usr/bin/env bash
# As actions/checkout does it: init, fetch the ref, check it out.
set -euo pipefail
mkdir -p "$TARGET"
cd "$TARGET"
git init --quiet .
git remote remove origin 2>/dev/null || true
git remote add origin "$GITHUB_SERVER_URL/$REPOSITORY.git"
secret=$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)
header="http.$GITHUB_SERVER_URL/.extraheader"
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="$header" GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $secret"
wanted=${REF:-$GITHUB_SHA}
if [ "$DEPTH" = 0 ]; then
  git fetch --quiet --no-tags origin '+refs/heads/*:refs/remotes/origin/*'
  git fetch --quiet --no-tags origin "$wanted"
else
  git fetch --quiet --no-tags --depth "$DEPTH" origin "$wanted"
fi
git -c advice.detachedHead=false checkout --quiet --force FETCH_HEAD
if [ "$PERSIST" = true ]; then
  git config "$header" "AUTHORIZATION: basic $secret"
fi
git --no-pager log -1 --format='checked out %H'
