#!/usr/bin/env bash
# Runs clients that are not ours against bedrock-sim.
#
# usage: run.sh PATH-OF-BEDROCK-SIM
#
# Installs what they need in a folder under the cargo target directory. A fresh simulator serves each client, since
# its replies are used up.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
sim="${1:?usage: run.sh PATH-OF-BEDROCK-SIM}"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-clients"
mkdir -p "$work"

if [[ ! -x "$work/venv/bin/python" ]]; then
  python3 -m venv "$work/venv"
fi
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"

# A module is found from where its importer lies, so the client goes beside what npm installs.
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

# The simulator serves until its standard input closes: it is a pipe that this shell holds open.
mkfifo "$run/hold"

# What the simulator is to do, for the commands that follow.
serving=(--script "$here/replies.json")

against_sim() {
  "$sim" --listen 127.0.0.1:0 "${serving[@]}" <"$run/hold" >"$run/url" &
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
serving=(--serve sts)
echo "boto3, of STS"
against_sim "$work/venv/bin/python" "$here/boto3_sts.py" || status=1
exit "$status"
