#!/usr/bin/env bash
# Starts VictoriaMetrics, a third-party PromQL store that accepts OTLP, on a free loopback port.
#
# usage: victoria_metrics.sh
#
# Prints STORE_OTLP=..., the endpoint for metrics, and STORE_QUERY=..., the address of its Prometheus API, once it answers.
# Stops it when standard input closes or this script gets a signal to stop. Unpacks it in a folder under the cargo target
# directory, from Debian's stable release, whichever release this machine runs: Debian 12's version is too old. On other
# systems, VICTORIA_METRICS is the path of the server.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-stores"
server="${VICTORIA_METRICS:-}"
libraries=""
if [[ -z "$server" ]]; then
  # With the zstd library that it was built with, because Debian 12's is older.
  "$here/unpack_debs.sh" "$work/victoria-metrics" trixie victoria-metrics libzstd1
  server="$work/victoria-metrics/files/usr/bin/victoria-metrics"
  libraries="$(dirname "$(find "$work/victoria-metrics/files/usr/lib" -name libzstd.so.1)")"
fi

. "$here/serve.sh"
port="$(free_ports 1)"

# Samples can be queried one second after they were sent.
LD_LIBRARY_PATH="$libraries" "$server" -httpListenAddr="127.0.0.1:$port" -storageDataPath="$run/data" \
  -opentelemetry.usePrometheusNaming -search.latencyOffset=1s -search.disableCache -memory.allowedBytes=256MB \
  </dev/null >"$run/log" 2>&1 &
pids+=($!)
wait_until VictoriaMetrics listens "$port"

echo "STORE_OTLP=http://127.0.0.1:$port/opentelemetry/v1/metrics"
echo "STORE_QUERY=http://127.0.0.1:$port"
serve
