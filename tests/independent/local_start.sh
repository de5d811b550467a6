#!/usr/bin/env bash
# Starts examples/observability/local/start.sh on free loopback ports, with programs that are built here.
#
# usage: local_start.sh
#
# Prints LOCAL_OTLP=..., the OTLP endpoint, JAEGER_QUERY=..., the address of Jaeger's query API, and STORE_QUERY=..., that
# of Prometheus's API, once they answer. Stops them when standard input closes or this script gets a signal to stop.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
jaeger="$("$here/go_program.sh" jaeger github.com/jaegertracing/jaeger/cmd/jaeger)"
prometheus="$("$here/go_program.sh" prometheus github.com/prometheus/prometheus/cmd/{prometheus,promtool})"

. "$here/serve.sh"
read -r grpc http query metrics < <(free_ports 4)

JAEGER="$jaeger/jaeger" PROMETHEUS="$prometheus/prometheus" OTLP_GRPC="127.0.0.1:$grpc" OTLP_HTTP="127.0.0.1:$http" \
  JAEGER_HTTP="127.0.0.1:$query" PROMETHEUS_HTTP="127.0.0.1:$metrics" \
  "$here/../../examples/observability/local/start.sh" --without-example </dev/null >"$run/log" 2>&1 &
pids+=($!)
wait_until "The local setup" listens "$http" "$query" "$metrics"

echo "LOCAL_OTLP=http://127.0.0.1:$http"
echo "JAEGER_QUERY=http://127.0.0.1:$query"
echo "STORE_OTLP=http://127.0.0.1:$metrics/api/v1/otlp/v1/metrics"
echo "STORE_QUERY=http://127.0.0.1:$metrics"
serve
