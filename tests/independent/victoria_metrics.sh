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
  server="$work/victoria-metrics/root/usr/bin/victoria-metrics"
  libraries="$(dirname "$(find "$work/victoria-metrics/root/usr/lib" -name libzstd.so.1)")"
fi

run="$(mktemp -d)"
server_pid=""
reader_pid=""

stop() {
  if [[ -n "$reader_pid" ]]; then
    kill "$reader_pid" 2>/dev/null || true
  fi
  if [[ -n "$server_pid" ]]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

port="$(python3 -c '
import socket
with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1])
')"

# What was sent is there to be asked for after a second.
LD_LIBRARY_PATH="$libraries" "$server" -httpListenAddr="127.0.0.1:$port" -storageDataPath="$run/data" \
  -opentelemetry.usePrometheusNaming -search.latencyOffset=1s -search.disableCache -memory.allowedBytes=256MB \
  </dev/null >"$run/log" 2>&1 &
server_pid=$!

ready=""
for _ in $(seq 300); do
  kill -0 "$server_pid" 2>/dev/null || break
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    ready=yes
    break
  fi
  sleep 0.1
done
if [[ -z "$ready" ]]; then
  cat "$run/log" >&2
  echo "VictoriaMetrics did not start" >&2
  exit 1
fi

echo "STORE_OTLP=http://127.0.0.1:$port/opentelemetry/v1/metrics"
echo "STORE_QUERY=http://127.0.0.1:$port"
# Reads to the end of standard input in the background, so that a signal is not held up by it.
cat <&0 >/dev/null &
reader_pid=$!
wait "$reader_pid" || true
