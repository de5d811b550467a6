#!/usr/bin/env bash
# Starts Phoenix on free loopback ports, with its data in a temporary folder.
#
# usage: phoenix.sh
#
# Prints PHOENIX_URL=..., once it answers. Stops it when standard input closes or this script gets a signal to stop.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
programs="$("$here/python_program.sh" phoenix arize-phoenix==20.26.1)"

. "$here/serve.sh"
read -r port grpc < <(free_ports 2)

PHOENIX_WORKING_DIR="$run" PHOENIX_HOST=127.0.0.1 PHOENIX_PORT="$port" PHOENIX_GRPC_PORT="$grpc" \
  PHOENIX_TELEMETRY_ENABLED=false "$programs/phoenix" serve </dev/null >"$run/log" 2>&1 &
pids+=($!)
wait_until Phoenix listens "$port"

echo "PHOENIX_URL=http://127.0.0.1:$port"
serve
