#!/usr/bin/env bash
# Starts ministack, a third-party AWS emulator, on a free loopback port, to run the metered client against it.
#
# usage: ministack.sh
#
# Prints MINISTACK_URL=... once it answers, and stops it when standard input closes or this script gets a signal to stop.
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

# By default it listens on every interface. The other services would start helpers that are not needed here.
env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" SERVICES=bedrock-runtime LOG_LEVEL=WARNING TMPDIR="$run" \
  "$work/venv/bin/ministack" </dev/null >"$run/log" 2>&1 &
pids+=($!)
answers() {
  "$work/venv/bin/python" -c "import urllib.request; urllib.request.urlopen('$url/_ministack/health', timeout=2)" 2>/dev/null
}
wait_until ministack answers

echo "MINISTACK_URL=$url"
serve
