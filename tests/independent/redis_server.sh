#!/usr/bin/env bash
# Finds a Redis server, or unpacks the one of this machine's Debian release. It starts nothing: the tests start the servers
# themselves, because they also kill them.
#
# usage: redis_server.sh
#
# Prints REDIS_SERVER=..., the path of the server, and REDIS_LIBRARIES=..., the folder of its libraries. The latter is empty
# if the server needs no libraries of its own. The environment variable REDIS_SERVER sets the path of another server.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${CARGO_TARGET_DIR:-$here/../../target}/independent-stores"
server="${REDIS_SERVER:-$(command -v redis-server || true)}"
libraries=""
if [[ -z "$server" ]]; then
  # From this machine's release, because the server is built against that release's C library.
  release="$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")"
  "$here/unpack_debs.sh" "$work/redis" "$release" redis-server redis-tools libatomic1 libjemalloc2 liblzf1
  server="$work/redis/files/usr/bin/redis-server"
  libraries="$(dirname "$(find "$work/redis/files/usr/lib" -name 'liblzf.so.1')")"
fi
echo "REDIS_SERVER=$server"
echo "REDIS_LIBRARIES=$libraries"
