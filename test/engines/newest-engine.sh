#!/bin/sh
# A Docker engine of our own beside the machine's: the newest that Debian gives (sid's docker.io, containerd, runc),
# unpacked without installing anything, on its own socket and data, in a network namespace of its own.
#
#   newest-engine.sh fetch                 download and unpack the packages into the cache (needs a Debian mirror)
#   newest-engine.sh binaries              prints the folders of its programs, as PATH wants them
#   newest-engine.sh start   [instance] [dockerd options]   idempotent; fetches first when needed
#   newest-engine.sh stop    [instance]    idempotent; TERM, then waits
#   newest-engine.sh socket  [instance]    prints the socket's path
#   newest-engine.sh netns   [instance]    prints the network namespace's path, for nsenter --net=
#   newest-engine.sh pid     [instance]    prints dockerd's pid while it runs
#
# HATCHWAY_TEST_CACHE         where packages, data and logs go (default ~/.cache/hatchway-test)
# HATCHWAY_ENGINE_BINARIES    `newest` (default), or `system` for another instance of the machine's own dockerd
#
# The network namespace matters: `--bridge=none` makes dockerd delete docker0, which would take the network of the
# machine's own containers. Needs root, dpkg, apt-get, curl, ip (iproute2), flock and nsenter
# (util-linux).
set -eu

verb=${1:-}
instance=${2:-newest}
[ $# -ge 2 ] && shift 2 || shift $#
case $instance in *[!a-z0-9-]*|'') echo "newest-engine: an instance is named by a-z, 0-9 and -" >&2; exit 64 ;; esac

cache=${HATCHWAY_TEST_CACHE:-${HOME:-/root}/.cache/hatchway-test}
packages=$cache/newest-engine
root=$packages/root
# Unix socket paths end at 108 bytes and containerd adds to ours, so what runs lives in a short place.
run=/run/hatchway-test/$instance
data=$cache/engines/$instance
namespace=hatchway-test-$instance
socket=$run/docker.sock
log=$data/dockerd.log

die() { echo "newest-engine: $*" >&2; exit 1; }

# The mirror that the machine already uses, from either form of apt's source lists. Its sources are never changed.
mirror() {
  {
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p'
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      sed -n 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p'
  } | sed 's,/*$,,' | grep '/debian$' | head -n 1
}

fetch() {
  [ -x "$root/usr/sbin/dockerd" ] && [ -x "$root/usr/bin/containerd" ] && return 0
  from=$(mirror)
  [ -n "$from" ] || die "this machine's apt sources name no Debian mirror, so there is nowhere to get sid's docker.io from"
  mkdir -p "$packages/lists/partial" "$packages/archives/partial" "$packages/debs"
  printf 'Types: deb\nURIs: %s\nSuites: sid\nComponents: main\nSigned-By: %s\n' \
    "$from" /usr/share/keyrings/debian-archive-keyring.gpg >"$packages/sid.sources"
  : >"$packages/status"
  set -- -q -o Dir::Etc::sourcelist="$packages/sid.sources" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$packages/lists" -o Dir::State::status="$packages/status" \
    -o Dir::Cache="$packages" -o Dir::Cache::archives="$packages/archives" \
    -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3
  apt-get "$@" update >&2 || die "apt-get could not read sid's package list from $from"
  (cd "$packages/debs" && apt-get "$@" download docker.io containerd runc >&2) ||
    die "apt-get could not download docker.io, containerd and runc from $from"
  rm -rf "$root.part"
  for deb in "$packages"/debs/*.deb; do dpkg -x "$deb" "$root.part"; done
  # dockerd and containerd run on bookworm's C library, sid's runc asks for a newer one: then the machine's own serves,
  # which both versions of containerd can drive.
  if ! "$root.part/usr/sbin/runc" --version >/dev/null 2>&1; then
    rm -f "$root.part/usr/sbin/runc" "$root.part/usr/bin/runc"
    command -v runc >/dev/null || die "sid's runc does not run here and the machine has none: install the package runc"
    echo "newest-engine: sid's runc does not run on this C library, using the machine's own" >&2
  fi
  rm -rf "$root" && mv "$root.part" "$root"
}

# dockerd's pid, if it runs and is ours: a pid file outlives a reboot.
pid() {
  [ -r "$run/dockerd.pid" ] || return 1
  found=$(cat "$run/dockerd.pid")
  [ -n "$found" ] && tr '\0' ' ' <"/proc/$found/cmdline" 2>/dev/null | grep -q -- "$socket" || return 1
  echo "$found"
}

answers() { curl -fsS --max-time 5 --unix-socket "$socket" http://localhost/_ping >/dev/null 2>&1; }

# Several test runs may ask at once. The lock is let go when this script ends; dockerd does not inherit it.
lock() {
  mkdir -p "$1"
  exec 9>"$1/lock"
  flock -w 300 9 || die "another newest-engine.sh has been at work in $1 for five minutes"
}

start() {
  pid >/dev/null && answers && return 0
  [ "$(id -u)" = 0 ] || die "starting an engine needs root"
  lock "$cache"
  pid >/dev/null && answers && return 0
  if [ "${HATCHWAY_ENGINE_BINARIES:-newest}" = newest ]; then
    fetch
    PATH=$root/usr/sbin:$root/usr/bin:$PATH
  fi
  mkdir -p "$run" "$data"
  [ -e "/run/netns/$namespace" ] || ip netns add "$namespace"
  # Not `ip netns exec`: it mounts another /sys, without the cgroups.
  nsenter --net="/run/netns/$namespace" ip link set lo up
  rm -f "$run/dockerd.pid"
  nsenter --net="/run/netns/$namespace" setsid dockerd \
    --host "unix://$socket" --data-root "$data/data" --exec-root "$run/exec" --pidfile "$run/dockerd.pid" \
    --bridge=none --iptables=false --ip6tables=false "$@" >>"$log" 2>&1 </dev/null 9>&- &
  child=$!
  tries=0
  until answers; do
    kill -0 "$child" 2>/dev/null || { tail -n 20 "$log" >&2; die "dockerd ended at once, see $log"; }
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { tail -n 20 "$log" >&2; die "dockerd does not answer after 60 s, see $log"; }
    sleep 0.2
  done
}

stop() {
  running=$(pid) || return 0
  lock "$cache"
  kill "$running"
  tries=0
  while kill -0 "$running" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || die "dockerd ($running) does not end, see $log"
    sleep 0.2
  done
}

case $verb in
  fetch) lock "$cache" && fetch ;;
  binaries) echo "$root/usr/sbin:$root/usr/bin" ;;
  start) start "$@" ;;
  stop) stop ;;
  socket) echo "$socket" ;;
  netns) echo "/run/netns/$namespace" ;;
  pid) pid ;;
  *) sed -n '2,/^# The network/s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
