#!/usr/bin/env bash
# Starts Prometheus, with vmagent in front of it, on free loopback ports. Debian's Prometheus is built without the OTLP
# receiver, so vmagent receives OTLP and forwards it.
#
# usage: prometheus.sh
#
# Prints STORE_OTLP=..., the endpoint for metrics, and STORE_QUERY=..., the address of Prometheus' API, once both answer.
# Stops them when standard input closes or this script gets a signal to stop. Unpacks both in a folder under the cargo
# target directory, from Debian's stable release, whichever release this machine runs.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-stores"
"$here/unpack_debs.sh" "$work/victoria-metrics" trixie victoria-metrics libzstd1
"$here/unpack_debs.sh" "$work/prometheus" trixie prometheus
libraries="$(dirname "$(find "$work/victoria-metrics/files/usr/lib" -name libzstd.so.1)")"

. "$here/serve.sh"
read -r prometheus agent < <(free_ports 2)

echo "{}" >"$run/prometheus.yaml"
"$work/prometheus/files/usr/bin/prometheus" --config.file="$run/prometheus.yaml" --storage.tsdb.path="$run/data" \
  --web.listen-address="127.0.0.1:$prometheus" --web.enable-remote-write-receiver --log.level=warn \
  </dev/null >"$run/prometheus.log" 2>&1 &
pids+=($!)
# Forwards samples immediately and in one queue, so that they stay in order.
LD_LIBRARY_PATH="$libraries" "$work/victoria-metrics/files/usr/bin/vmagent" -httpListenAddr="127.0.0.1:$agent" \
  -opentelemetry.usePrometheusNaming -remoteWrite.url="http://127.0.0.1:$prometheus/api/v1/write" \
  -remoteWrite.forcePromProto -remoteWrite.flushInterval=200ms -remoteWrite.queues=1 -memory.allowedBytes=256MB \
  -remoteWrite.tmpDataPath="$run/queue" </dev/null >"$run/agent.log" 2>&1 &
# The agent is stopped first, because it writes to Prometheus.
pids=($! "${pids[@]}")
wait_until "Prometheus and vmagent" listens "$prometheus" "$agent"

echo "STORE_OTLP=http://127.0.0.1:$agent/opentelemetry/v1/metrics"
echo "STORE_QUERY=http://127.0.0.1:$prometheus"
serve
