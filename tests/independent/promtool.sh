#!/usr/bin/env bash
# Runs promtool, which checks configurations and tests alerts of Prometheus.
#
# usage: promtool.sh ARGUMENT...
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
programs="$("$here/go_program.sh" prometheus github.com/prometheus/prometheus/cmd/{prometheus,promtool})"
exec "$programs/promtool" "$@"
