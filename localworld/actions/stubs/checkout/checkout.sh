#!/usr/bin/env bash
# Like actions/checkout: init, fetch the ref and check it out, on a branch if the ref is one.
set -euo pipefail
mkdir -p "$TARGET"
cd "$TARGET"
url="$GITHUB_SERVER_URL/$REPOSITORY.git"
# A self-hosted runner keeps the folder, so remove files that an earlier job left, like the real action.
if [ ! -d .git ] || [ "$(git config --local --get remote.origin.url 2>/dev/null)" != "$url" ] ||
  ! { git clean --quiet -ffdx && git reset --quiet --hard; } 2>/dev/null; then
  find . -mindepth 1 -delete
  git init --quiet .
  git remote add origin "$url"
fi
git config --local --unset-all "http.$GITHUB_SERVER_URL/.extraheader" || true
secret=$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)
header="http.$GITHUB_SERVER_URL/.extraheader"
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="$header" GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $secret"
wanted=${REF:-HEAD}
branch=${REF#refs/heads/}
if [ -z "$REF" ] && [ "$REPOSITORY" = "$GITHUB_REPOSITORY" ]; then
  wanted=$GITHUB_SHA
  branch=${GITHUB_REF#refs/heads/}
fi
options=(--quiet)
if [ "$FETCH_TAGS" = true ] || [ "$DEPTH" = 0 ]; then options+=(--tags); else options+=(--no-tags); fi
if [ "$DEPTH" = 0 ]; then
  git fetch "${options[@]}" -- origin '+refs/heads/*:refs/remotes/origin/*'
else
  options+=(--depth "$DEPTH")
fi
git fetch "${options[@]}" -- origin "$wanted"
if [ -n "$branch" ] && git ls-remote --quiet --exit-code --heads -- origin "refs/heads/$branch" >/dev/null; then
  git checkout --quiet --force -B "$branch" FETCH_HEAD
else
  git -c advice.detachedHead=false checkout --quiet --force FETCH_HEAD
fi
if [ "$PERSIST" = true ]; then
  git config "$header" "AUTHORIZATION: basic $secret"
fi
commit=$(git rev-parse HEAD)
printf 'ref=%s\ncommit=%s\n' "$REF" "$commit" >>"$GITHUB_OUTPUT"
echo "checked out $commit"
