#!/usr/bin/env bash
# Builds programs of a Go module into a folder under the cargo target directory.
#
# usage: go_program.sh MODULE PACKAGE...
#
# MODULE is a folder under go/ here, whose go.mod and go.sum fix all versions. PACKAGE is the import path of a program,
# whose last part is the program's name. Prints the path of the folder with the programs. Does nothing if they have
# already been built from the same go.sum.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
module="${1:?usage: go_program.sh MODULE PACKAGE...}"
shift
command -v go >/dev/null || { echo "Go is needed to build $*: see https://go.dev/doc/install" >&2; exit 1; }
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-go"
mkdir -p "$work"
work="$(cd "$work" && pwd)/$module"
mkdir -p "$work"

# Only one build runs at a time, even if several tests start one.
exec 8>"$work/lock"
flock 8
if ! cmp -s "$here/go/$module/go.sum" "$work/go.sum"; then
  # Without symbols and debug information, which need twice the space.
  (cd "$here/go/$module" && GOBIN="$work" GOFLAGS="-mod=readonly -buildvcs=false" go install -ldflags="-s -w" "$@") >&2
  cp "$here/go/$module/go.sum" "$work/go.sum"
fi
echo "$work"
