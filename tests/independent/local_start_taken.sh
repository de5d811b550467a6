#!/usr/bin/env bash
# Starts examples/observability/local/start.sh with one address that another program has, and prints what it says.
#
# usage: local_start_taken.sh VARIABLE ADDRESS
#
# VARIABLE is one that start.sh reads, such as OTLP_GRPC. Fails if start.sh succeeds, does not end, or leaves a program running.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
jaeger="$("$here/go_program.sh" jaeger github.com/jaegertracing/jaeger/cmd/jaeger)"
prometheus="$("$here/go_program.sh" prometheus github.com/prometheus/prometheus/cmd/{prometheus,promtool})"

. "$here/serve.sh"
read -r -a ports < <(free_ports 4)

status=0
env JAEGER="$jaeger/jaeger" PROMETHEUS="$prometheus/prometheus" OTLP_GRPC="127.0.0.1:${ports[0]}" \
  OTLP_HTTP="127.0.0.1:${ports[1]}" JAEGER_HTTP="127.0.0.1:${ports[2]}" PROMETHEUS_HTTP="127.0.0.1:${ports[3]}" "$1=$2" \
  timeout 120 "$here/../../examples/observability/local/start.sh" --without-example 2>&1 </dev/null || status=$?
if [[ "$status" != 1 ]]; then
  echo "start.sh ended with $status" >&2
  exit 1
fi
for port in "${ports[@]}"; do
  if listens "$port"; then
    echo "port $port is still listened on" >&2
    exit 1
  fi
done
