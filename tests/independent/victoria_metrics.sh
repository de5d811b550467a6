#!/usr/bin/env bash
# Starts VictoriaMetrics, a PromQL store that is not ours and that takes OTLP, on a free loopback port.
#
# usage: victoria_metrics.sh
#
# Prints STORE_OTLP=..., the endpoint for metrics, and STORE_QUERY=..., the address of its Prometheus API, once it answers;
# stops it when standard input closes or this script is told to stop. Unpacks it in a folder under the cargo target
# directory: Debian's stable release has one that is new enough (12 has not), whichever release runs here. Elsewhere than
# on Debian, VICTORIA_METRICS is the path of one.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-stores"
server="${VICTORIA_METRICS:-}"
libraries=""
if [[ -z "$server" ]]; then
  # With the library that it was built with: Debian 12's is older.
  "$here/unpack_debs.sh" "$work/victoria-metrics" trixie victoria-metrics libzstd1
  server="$work/victoria-metrics/files/usr/bin/victoria-metrics"
  libraries="$(dirname "$(find "$work/victoria-metrics/files/usr/lib" -name libzstd.so.1)")"
fi

. "$here/serve.sh"
port="$(free_ports 1)"

# What was sent is there to be asked for after a second.
LD_LIBRARY_PATH="$libraries" "$server" -httpListenAddr="127.0.0.1:$port" -storageDataPath="$run/data" \
  -opentelemetry.usePrometheusNaming -search.latencyOffset=1s -search.disableCache -memory.allowedBytes=256MB \
  </dev/null >"$run/log" 2>&1 &
pids+=($!)
wait_until VictoriaMetrics listens "$port"

echo "STORE_OTLP=http://127.0.0.1:$port/opentelemetry/v1/metrics"
echo "STORE_QUERY=http://127.0.0.1:$port"
serve
