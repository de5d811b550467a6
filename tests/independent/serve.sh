# Functions shared by the scripts that start and stop a server for a test. The scripts source this file.

run="$(mktemp -d)"
# The processes to stop at the end, in this order.
pids=()
# Those of them that lead a group of processes, which are all stopped.
groups=()

stop() {
  # A second signal must not end this early.
  trap '' TERM INT
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  for group in "${groups[@]}"; do
    kill -- "-$group" 2>/dev/null || true
  done
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# Prints the given number of free loopback ports.
free_ports() {
  python3 -c '
import socket, sys
listeners = [socket.socket() for _ in range(int(sys.argv[1]))]
for listener in listeners:
    listener.bind(("127.0.0.1", 0))
print(*(listener.getsockname()[1] for listener in listeners))
' "$1"
}

listens() {
  local port
  for port in "$@"; do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 1
  done
}

# Checks that all started processes still run.
all_run() {
  local pid
  for pid in "${pids[@]}"; do
    kill -0 "$pid" 2>/dev/null || return 1
  done
}

# Waits up to 120 seconds until COMMAND succeeds, or fails once a started process has ended: wait_until NAME COMMAND...
wait_until() {
  local name="$1"
  shift
  for _ in $(seq 1200); do
    all_run || break
    if "$@"; then
      return
    fi
    sleep 0.1
  done
  cat "$run"/*log >&2
  echo "$name did not start" >&2
  exit 1
}

# Reads to the end of standard input in the background, so that signals are handled without delay.
serve() {
  cat <&0 >/dev/null &
  local reader=$!
  pids=("$reader" "${pids[@]}")
  wait "$reader" || true
}
