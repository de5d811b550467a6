#!/usr/bin/env bash
# Starts ministack, a fake of AWS that is not ours, on a free loopback port, so that our client can be run against it.
#
# usage: ministack.sh
#
# Prints MINISTACK_URL=... once it answers, and stops it when standard input closes or this script is told to stop.
# Installs it in a folder under the cargo target directory.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-ministack"
mkdir -p "$work"

if [[ ! -x "$work/venv/bin/ministack" ]]; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 >&2
fi

run="$(mktemp -d)"
ministack_pid=""
reader_pid=""

stop() {
  if [[ -n "$reader_pid" ]]; then
    kill "$reader_pid" 2>/dev/null || true
  fi
  if [[ -n "$ministack_pid" ]]; then
    kill "$ministack_pid" 2>/dev/null || true
    wait "$ministack_pid" 2>/dev/null || true
  fi
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

port="$("$work/venv/bin/python" -c '
import socket
with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1])
')"
url="http://127.0.0.1:$port"

# Its default is to listen on every interface. The other services would start helpers that nobody here needs.
env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" SERVICES=bedrock-runtime LOG_LEVEL=WARNING TMPDIR="$run" \
  "$work/venv/bin/ministack" </dev/null >"$run/log" 2>&1 &
ministack_pid=$!

ready=""
for _ in $(seq 300); do
  kill -0 "$ministack_pid" 2>/dev/null || break
  if "$work/venv/bin/python" -c "import urllib.request; urllib.request.urlopen('$url/_ministack/health', timeout=2)" 2>/dev/null; then
    ready=yes
    break
  fi
  sleep 0.1
done
if [[ -z "$ready" ]]; then
  cat "$run/log" >&2
  echo "ministack did not start" >&2
  exit 1
fi

echo "MINISTACK_URL=$url"
# Reads to the end of standard input in the background, so that a signal is not held up by it.
cat <&0 >/dev/null &
reader_pid=$!
wait "$reader_pid" || true
