#!/usr/bin/env bash
# Starts Prometheus, with vmagent before it, on free loopback ports: Debian's Prometheus is built without the OTLP receiver,
# so vmagent takes OTLP and writes it on.
#
# usage: prometheus.sh
#
# Prints STORE_OTLP=..., the endpoint for metrics, and STORE_QUERY=..., the address of Prometheus' API, once both answer;
# stops them when standard input closes or this script is told to stop. Unpacks both in a folder under the cargo target
# directory, from Debian's stable release, whichever release runs here.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-stores"
"$here/unpack_debs.sh" "$work/victoria-metrics" trixie victoria-metrics libzstd1
"$here/unpack_debs.sh" "$work/prometheus" trixie prometheus
libraries="$(dirname "$(find "$work/victoria-metrics/root/usr/lib" -name libzstd.so.1)")"

run="$(mktemp -d)"
prometheus_pid=""
agent_pid=""
reader_pid=""

stop() {
  for pid in $reader_pid $agent_pid $prometheus_pid; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

read -r prometheus agent < <(python3 -c '
import socket
with socket.socket() as a, socket.socket() as b:
    a.bind(("127.0.0.1", 0))
    b.bind(("127.0.0.1", 0))
    print(a.getsockname()[1], b.getsockname()[1])
')

echo "{}" >"$run/prometheus.yaml"
"$work/prometheus/root/usr/bin/prometheus" --config.file="$run/prometheus.yaml" --storage.tsdb.path="$run/data" \
  --web.listen-address="127.0.0.1:$prometheus" --web.enable-remote-write-receiver --log.level=warn \
  </dev/null >"$run/prometheus.log" 2>&1 &
prometheus_pid=$!
# Written on as fast as it comes, and by one queue, so that no sample overtakes another.
LD_LIBRARY_PATH="$libraries" "$work/victoria-metrics/root/usr/bin/vmagent" -httpListenAddr="127.0.0.1:$agent" \
  -opentelemetry.usePrometheusNaming -remoteWrite.url="http://127.0.0.1:$prometheus/api/v1/write" \
  -remoteWrite.forcePromProto -remoteWrite.flushInterval=200ms -remoteWrite.queues=1 -memory.allowedBytes=256MB \
  -remoteWrite.tmpDataPath="$run/queue" </dev/null >"$run/agent.log" 2>&1 &
agent_pid=$!

ready=""
for _ in $(seq 300); do
  kill -0 "$prometheus_pid" "$agent_pid" 2>/dev/null || break
  if (exec 3<>"/dev/tcp/127.0.0.1/$prometheus" && exec 3<>"/dev/tcp/127.0.0.1/$agent") 2>/dev/null; then
    ready=yes
    break
  fi
  sleep 0.1
done
if [[ -z "$ready" ]]; then
  cat "$run"/*.log >&2
  echo "Prometheus and vmagent did not start" >&2
  exit 1
fi

echo "STORE_OTLP=http://127.0.0.1:$agent/opentelemetry/v1/metrics"
echo "STORE_QUERY=http://127.0.0.1:$prometheus"
# Reads to the end of standard input in the background, so that a signal is not held up by it.
cat <&0 >/dev/null &
reader_pid=$!
wait "$reader_pid" || true
