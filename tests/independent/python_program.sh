#!/usr/bin/env bash
# Installs a program from PyPI in a folder under the cargo target directory.
#
# usage: python_program.sh NAME REQUIREMENT...
#
# Prints the path of the folder with its programs. Does nothing if the same requirements have been installed under NAME.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
name="${1:?usage: python_program.sh NAME REQUIREMENT...}"
shift
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-python"
mkdir -p "$work"
work="$(cd "$work" && pwd)/$name"
mkdir -p "$work"

# Only one installation runs at a time, even if several tests start one.
exec 8>"$work/lock"
flock 8
if [[ "$(cat "$work/installed" 2>/dev/null)" != "$*" ]]; then
  rm -rf "$work/venv"
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
  echo "$*" >"$work/installed"
fi
echo "$work/venv/bin"
