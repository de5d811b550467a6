# What the scripts here have in common that start a server for a test, and stop it again. They source it.

run="$(mktemp -d)"
# What is stopped at the end, the first one first.
pids=()

stop() {
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# Prints so many free ports of the loopback interface.
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

# Waits half a minute, and no longer than what has been started runs: wait_until NAME COMMAND...
wait_until() {
  local name="$1"
  shift
  for _ in $(seq 300); do
    kill -0 "${pids[@]}" 2>/dev/null || break
    if "$@"; then
      return
    fi
    sleep 0.1
  done
  cat "$run"/*log >&2
  echo "$name did not start" >&2
  exit 1
}

# Reads to the end of standard input in the background, so that a signal is not held up by it.
serve() {
  cat <&0 >/dev/null &
  local reader=$!
  pids=("$reader" "${pids[@]}")
  wait "$reader" || true
}
