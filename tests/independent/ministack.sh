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

. "$here/serve.sh"
port="$(free_ports 1)"
url="http://127.0.0.1:$port"

# Its default is to listen on every interface. The other services would start helpers that nobody here needs.
env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" SERVICES=bedrock-runtime LOG_LEVEL=WARNING TMPDIR="$run" \
  "$work/venv/bin/ministack" </dev/null >"$run/log" 2>&1 &
pids+=($!)
answers() {
  "$work/venv/bin/python" -c "import urllib.request; urllib.request.urlopen('$url/_ministack/health', timeout=2)" 2>/dev/null
}
wait_until ministack answers

echo "MINISTACK_URL=$url"
serve
