#!/usr/bin/env bash
# Unpacks Debian packages of one release into a folder, whichever Debian release this machine runs, and installs nothing.
#
# usage: unpack_debs.sh FOLDER RELEASE PACKAGE...
#
# apt uses this machine's mirror, with separate lists and a separate cache, and checks Debian's signatures. Does nothing if
# the folder already contains the packages.
set -euo pipefail

folder="${1:?usage: unpack_debs.sh FOLDER RELEASE PACKAGE...}"
release="${2:?usage: unpack_debs.sh FOLDER RELEASE PACKAGE...}"
shift 2
mkdir -p "$folder"
folder="$(cd "$folder" && pwd)"

# Only one installation runs at a time, even if several tests start one.
exec 8>"$folder/lock"
flock 8
if [[ -e "$folder/complete" ]]; then
  exit 0
fi

codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")"
mirrors="$(apt-get update --print-uris | sed -nE "s,^.(.*/debian)/dists/($codename|stable)/InRelease.*,\1,p")"
mirror="${mirrors%%$'\n'*}"
if [[ -z "$mirror" ]]; then
  echo "apt on this machine has no Debian mirror to get $* of $release from" >&2
  exit 1
fi

rm -rf "$folder/apt" "$folder/debs" "$folder/files"
mkdir -p "$folder/apt/parts" "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/debs" "$folder/files"
echo "deb [target=Packages signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" \
  >"$folder/apt/sources.list"
cat >"$folder/apt/apt.conf" <<CONF
Dir::Etc::SourceList "$folder/apt/sources.list";
Dir::Etc::SourceParts "$folder/apt/parts";
Dir::State::Lists "$folder/apt/lists";
Dir::Cache "$folder/apt/cache";
Acquire::Languages "none";
APT::Sandbox::User "";
CONF
export APT_CONFIG="$folder/apt/apt.conf"
timeout 120 apt-get -qq update >&2
(cd "$folder/debs" && timeout 300 apt-get -qq download "$@" >&2)
for deb in "$folder"/debs/*.deb; do
  dpkg-deb --extract "$deb" "$folder/files"
done
rm -rf "$folder/apt" "$folder/debs"
touch "$folder/complete"
