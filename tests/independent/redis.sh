#!/usr/bin/env bash
# Starts Redis on a free loopback port.
#
# usage: redis.sh
#
# Prints REDIS_URL=... once it answers, and stops it when standard input closes or this script gets a signal to stop. See
# redis_server.sh for the server that it runs.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
found="$("$here/redis_server.sh")"
server="$(sed -n 's/^REDIS_SERVER=//p' <<<"$found")"
libraries="$(sed -n 's/^REDIS_LIBRARIES=//p' <<<"$found")"

. "$here/serve.sh"
port="$(free_ports 1)"
LD_LIBRARY_PATH="$libraries" "$server" --port "$port" --bind 127.0.0.1 --save "" --dir "$run" </dev/null >"$run/log" 2>&1 &
pids+=($!)
wait_until Redis listens "$port"

echo "REDIS_URL=redis://127.0.0.1:$port"
serve
