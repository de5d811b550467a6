#!/usr/bin/env bash
# Starts Jaeger and Prometheus without docker, and runs the example against them.
#
# usage: start.sh [--without-example]
#
# The programs are `jaeger` (Jaeger 2) and `prometheus` (3 or later) on PATH, or those that JAEGER and PROMETHEUS name. All
# addresses are on this machine: OTLP on 4317 (gRPC) and 4318 (HTTP), Jaeger's UI on 16686, Prometheus's on 9090. OTLP_GRPC,
# OTLP_HTTP, JAEGER_HTTP and PROMETHEUS_HTTP, such as 127.0.0.1:5317, change them. Data is in a temporary folder. Ends with
# Ctrl-C.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
case "$*" in
  "") with_example=1 ;;
  --without-example) with_example="" ;;
  *) echo "usage: start.sh [--without-example]" >&2; exit 2 ;;
esac

# Prints the path of a program: find_program NAME GIVEN-PATH WHERE-TO-GET-IT.
find_program() {
  command -v "${2:-$1}" || {
    echo "$1 was not found${2:+ at $2}: get it from $3, and put it on PATH or set ${1^^}" >&2
    exit 1
  }
}
jaeger="$(find_program jaeger "${JAEGER:-}" https://www.jaegertracing.io/download)"
prometheus="$(find_program prometheus "${PROMETHEUS:-}" https://prometheus.io/download)"

export JAEGER_OTLP_GRPC="${OTLP_GRPC:-127.0.0.1:4317}" JAEGER_OTLP_HTTP="${OTLP_HTTP:-127.0.0.1:4318}"
export JAEGER_QUERY_HTTP="${JAEGER_HTTP:-127.0.0.1:16686}" JAEGER_QUERY_GRPC=127.0.0.1:0
export PROMETHEUS_HTTP="${PROMETHEUS_HTTP:-127.0.0.1:9090}"

run="$(mktemp -d)"
pids=()
stop() {
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$prometheus" --config.file="$here/../grafana/prometheus.yaml" --storage.tsdb.path="$run/prometheus" \
  --storage.tsdb.retention.time=90d --web.listen-address="$PROMETHEUS_HTTP" --web.enable-otlp-receiver \
  >"$run/prometheus.log" 2>&1 &
pids+=($!)
"$jaeger" --config "file:$here/../jaeger/jaeger.yaml" --config "file:$here/to_prometheus.yaml" >"$run/jaeger.log" 2>&1 &
pids+=($!)

# Checks that all started programs still run.
all_run() {
  local pid
  for pid in "${pids[@]}"; do
    kill -0 "$pid" 2>/dev/null || return 1
  done
}
fail() {
  tail -n 5 "$run"/*.log >&2
  echo "$1: see the logs above" >&2
  exit 1
}
listens() {
  local host="${1%:*}"
  host="${host#[}"
  (exec 3<>"/dev/tcp/${host%]}/${1##*:}") 2>/dev/null
}
for address in "$PROMETHEUS_HTTP" "$JAEGER_OTLP_GRPC" "$JAEGER_OTLP_HTTP" "$JAEGER_QUERY_HTTP"; do
  for _ in $(seq 300); do
    all_run && ! listens "$address" || break
    sleep 0.1
  done
  # One that could not get its port has ended by now.
  sleep 0.5
  all_run || fail "a program has ended"
  listens "$address" || fail "nothing listens on $address"
done

if [[ -n "$with_example" ]]; then
  (cd "$here/../../.." && OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_ENDPOINT="http://$JAEGER_OTLP_HTTP" \
    cargo run --quiet --example support_agent)
fi
cat <<END

Jaeger:      http://$JAEGER_QUERY_HTTP/search?service=helpdesk
Prometheus:  http://$PROMETHEUS_HTTP/graph
Send yours:  OTEL_EXPORTER_OTLP_ENDPOINT=http://$JAEGER_OTLP_GRPC OTEL_EXPORTER_OTLP_PROTOCOL=grpc
END
wait -n "${pids[@]}" || true
fail "a program has ended"
