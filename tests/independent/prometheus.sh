#!/usr/bin/env bash
# Starts Prometheus with its OTLP receiver on a free loopback port, with the configuration of examples/observability.
#
# usage: prometheus.sh [FLAG...]
#
# FLAGs are further flags of Prometheus. Prints STORE_OTLP=..., the endpoint for metrics, and STORE_QUERY=..., the address
# of its API, once it answers. Stops it when standard input closes or this script gets a signal to stop.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
programs="$("$here/go_program.sh" prometheus github.com/prometheus/prometheus/cmd/{prometheus,promtool})"

. "$here/serve.sh"
port="$(free_ports 1)"

"$programs/prometheus" --config.file="$here/../../examples/observability/grafana/prometheus.yaml" \
  --storage.tsdb.path="$run/data" --storage.tsdb.retention.time=90d --web.listen-address="127.0.0.1:$port" \
  --web.enable-otlp-receiver --log.level=warn "$@" </dev/null >"$run/log" 2>&1 &
pids+=($!)
wait_until Prometheus listens "$port"

echo "STORE_OTLP=http://127.0.0.1:$port/api/v1/otlp/v1/metrics"
echo "STORE_QUERY=http://127.0.0.1:$port"
serve
