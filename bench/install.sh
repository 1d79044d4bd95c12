#!/bin/sh
# Installs what the comparison needs and is missing: Debian's Mosquitto and the
# websockets library of Debian's own Python. Does nothing when both are there.
set -eu

missing=
command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
/usr/bin/python3 -c 'import websockets' 2>/dev/null || missing="$missing python3-websockets"
[ -n "$missing" ] || exit 0

echo "bench: installing$missing" >&2
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -q >&2
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -q -y --no-install-recommends $missing >&2
