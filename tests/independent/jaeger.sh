#!/usr/bin/env bash
# Starts Jaeger 2 on free loopback ports, with its traces in memory.
#
# usage: jaeger.sh [CONFIG...]
#
# Each CONFIG is a file beside this script whose settings are added to those of examples/observability. Prints
# JAEGER_GRPC=... and JAEGER_HTTP=..., the OTLP endpoints, JAEGER_QUERY=..., the address of its query API, and
# JAEGER_METRICS=..., the address of the metrics that it makes of spans, once it answers. With jaeger_tls.yaml,
# JAEGER_CA=... is the file with the certificate to trust. Stops it when standard input closes or this script gets a
# signal to stop.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
programs="$("$here/go_program.sh" jaeger github.com/jaegertracing/jaeger/cmd/jaeger)"

configs=(--config "file:$here/../../examples/observability/jaeger/jaeger.yaml")
for config in "$@"; do
  configs+=(--config "file:$here/$config")
done

. "$here/serve.sh"
read -r grpc http query query_grpc metrics < <(free_ports 5)

if [[ " $* " == *" jaeger_tls.yaml "* ]]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=jaeger \
    -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
    -keyout "$run/key.pem" -out "$run/certificate.pem" 2>/dev/null
  echo "JAEGER_CA=$run/certificate.pem"
fi

JAEGER_CERTIFICATE="$run/certificate.pem" JAEGER_KEY="$run/key.pem" \
  JAEGER_OTLP_GRPC="127.0.0.1:$grpc" JAEGER_OTLP_HTTP="127.0.0.1:$http" JAEGER_QUERY_HTTP="127.0.0.1:$query" \
  JAEGER_QUERY_GRPC="127.0.0.1:$query_grpc" JAEGER_SPANMETRICS="127.0.0.1:$metrics" \
  "$programs/jaeger" "${configs[@]}" </dev/null >"$run/log" 2>&1 &
pids+=($!)
wait_until Jaeger listens "$grpc" "$http" "$query"

echo "JAEGER_GRPC=http://127.0.0.1:$grpc"
echo "JAEGER_HTTP=http://127.0.0.1:$http"
echo "JAEGER_QUERY=http://127.0.0.1:$query"
echo "JAEGER_METRICS=http://127.0.0.1:$metrics"
serve
