#!/usr/bin/env bash
# Starts rotel, a third-party OTLP receiver, on free loopback ports. It writes the decoded telemetry to its log.
#
# usage: rotel.sh
#
# Prints ROTEL_GRPC=..., ROTEL_HTTP=... and ROTEL_LOG=... once it listens, and stops it when standard input closes or this
# script gets a signal to stop. Installs it in a folder under the cargo target directory.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-rotel"
mkdir -p "$work"

# Only one installation runs at a time, even if several tests start one.
exec 8>"$work/lock"
flock 8
if [[ ! -x "$work/venv/bin/python" ]] || ! "$work/venv/bin/python" -c "import rotel" 2>/dev/null; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check rotel==0.0.1a15 >&2
fi
flock -u 8
agent="$("$work/venv/bin/python" -c 'import os, rotel; print(os.path.join(os.path.dirname(rotel.__file__), "rotel-agent"))')"

. "$here/serve.sh"
read -r grpc http < <(free_ports 2)

"$agent" start --otlp-grpc-endpoint "127.0.0.1:$grpc" --otlp-http-endpoint "127.0.0.1:$http" --exporter blackhole \
  --pid-file "$run/pid" --log-file "$run/file.log" \
  --debug-log traces --debug-log metrics --debug-log-verbosity detailed </dev/null >"$run/log" 2>&1 &
pids+=($!)
wait_until rotel listens "$grpc" "$http"

echo "ROTEL_GRPC=http://127.0.0.1:$grpc"
echo "ROTEL_HTTP=http://127.0.0.1:$http"
echo "ROTEL_LOG=$run/log"
serve
