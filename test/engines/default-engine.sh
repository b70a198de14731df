#!/bin/sh
# Sees to it that the machine's own Docker engine answers: starts dockerd when nothing listens, and waits for it.
# Installs nothing and changes nothing when the engine runs already.
#
#   default-engine.sh [start]      HATCHWAY_TEST_SOCKET (default /var/run/docker.sock), HATCHWAY_TEST_CACHE for the log
set -eu

socket=${HATCHWAY_TEST_SOCKET:-/var/run/docker.sock}
log=${HATCHWAY_TEST_CACHE:-${HOME:-/root}/.cache/hatchway-test}/dockerd.log

answers() { curl -fsS --max-time 5 --unix-socket "$socket" http://localhost/_ping >/dev/null 2>&1; }
die() { echo "default-engine: $*" >&2; exit 1; }

answers && exit 0
command -v dockerd >/dev/null || die "there is no dockerd: install the package docker.io"
[ "$(id -u)" = 0 ] || die "nothing answers on $socket and starting dockerd needs root"
mkdir -p "$(dirname "$log")"
setsid dockerd --host "unix://$socket" >>"$log" 2>&1 </dev/null &
child=$!
tries=0
until answers; do
  kill -0 "$child" 2>/dev/null || { tail -n 20 "$log" >&2; die "dockerd ended at once, see $log"; }
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || { tail -n 20 "$log" >&2; die "dockerd does not answer after 60 s, see $log"; }
  sleep 0.2
done
