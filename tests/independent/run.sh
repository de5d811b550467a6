#!/usr/bin/env bash
# Runs third-party clients against bedrock-sim.
#
# usage: run.sh PATH-OF-BEDROCK-SIM
#
# Installs their dependencies in a folder under the cargo target directory. Starts a fresh simulator for each client,
# because each reply is used only once.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
sim="${1:?usage: run.sh PATH-OF-BEDROCK-SIM}"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-clients"
mkdir -p "$work"

if [[ ! -x "$work/venv/bin/python" ]]; then
  python3 -m venv "$work/venv"
fi
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"

# Node resolves modules from the importer's folder, so the client is copied next to what npm installs.
cp "$here/package.json" "$here/js_client.mjs" "$work/"
(cd "$work" && npm install --silent --no-audit --no-fund --no-package-lock)

run="$(mktemp -d)"
sim_pid=""

stop() {
  if [[ -n "$sim_pid" ]]; then
    kill "$sim_pid" 2>/dev/null || true
    wait "$sim_pid" 2>/dev/null || true
    sim_pid=""
  fi
}
trap 'stop; rm -rf "$run"' EXIT

# The simulator serves until its standard input closes, so this shell holds a pipe open.
mkfifo "$run/hold"

# The simulator's options for the following commands.
sim_options=(--script "$here/replies.json")

against_sim() {
  "$sim" --listen 127.0.0.1:0 "${sim_options[@]}" <"$run/hold" >"$run/url" &
  sim_pid=$!
  exec 9>"$run/hold"
  for _ in $(seq 100); do
    [[ -s "$run/url" ]] && break
    kill -0 "$sim_pid" 2>/dev/null || { echo "bedrock-sim did not start" >&2; exit 1; }
    sleep 0.1
  done
  local failed=0
  "$@" "$(cat "$run/url")" || failed=1
  exec 9>&-
  stop
  return "$failed"
}

status=0
echo "boto3"
against_sim "$work/venv/bin/python" "$here/boto3_client.py" || status=1
echo "@aws-sdk/client-bedrock-runtime"
AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true against_sim node "$work/js_client.mjs" || status=1
sim_options=(--serve sts)
echo "boto3, STS"
against_sim "$work/venv/bin/python" "$here/boto3_sts.py" || status=1
exit "$status"
