#!/usr/bin/env bash
# Finds a Redis, or unpacks the one of the Debian that runs here. It starts nothing: the tests start servers themselves, for
# they kill them too.
#
# usage: redis_server.sh
#
# Prints REDIS_SERVER=..., the path of the server, and REDIS_LIBRARIES=..., the folder of its libraries, or nothing after the
# sign where it needs none of its own. REDIS_SERVER in the environment is the path of another.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-stores"
server="${REDIS_SERVER:-$(command -v redis-server || true)}"
libraries=""
if [[ -z "$server" ]]; then
  # Of this release, for it is built against this release's C library.
  release="$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")"
  "$here/unpack_debs.sh" "$work/redis" "$release" redis-server redis-tools libatomic1 libjemalloc2 liblzf1
  server="$work/redis/files/usr/bin/redis-server"
  libraries="$(dirname "$(find "$work/redis/files/usr/lib" -name 'liblzf.so.1')")"
fi
echo "REDIS_SERVER=$server"
echo "REDIS_LIBRARIES=$libraries"
