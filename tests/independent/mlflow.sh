#!/usr/bin/env bash
# Starts MLflow's tracking server on a free loopback port, with its data in a temporary folder.
#
# usage: mlflow.sh
#
# Prints MLFLOW_URL=..., once it answers. Stops it when standard input closes or this script gets a signal to stop.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
programs="$("$here/python_program.sh" mlflow mlflow==3.17.2)"

. "$here/serve.sh"
port="$(free_ports 1)"

# In a session of its own, because it starts further processes.
cd "$run"
MLFLOW_DISABLE_TELEMETRY=true setsid "$programs/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 \
  --backend-store-uri "sqlite:///$run/mlflow.db" </dev/null >"$run/log" 2>&1 &
pids+=($!)
groups+=($!)
wait_until MLflow listens "$port"

echo "MLFLOW_URL=http://127.0.0.1:$port"
serve
