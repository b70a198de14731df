#!/usr/bin/env bash
# Builds every Dockerfile of deploy/ for real and tries what came out; starts compose.yaml; has systemd read the unit; installs
# the chart in the cluster of test/cluster and opens a session from inside it.
# The base images are stand-ins made from Debian packages and the pinned Node, so that no image registry is needed: what
# this does not prove is the real bases themselves, and the unit under a running systemd.
#
#   test/deploy/prove.sh [PART…]   unit, toolbox, compose, cluster; all of them by default. Needs root, docker, docker-compose,
#                                  mmdebstrap, systemd-analyze, curl, what test/cluster/cluster.sh needs, and `npm ci` done
#   HATCHWAY_TEST_CACHE            where the Debian rootfs is kept (default ~/.cache/hatchway-test)
set -euo pipefail
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$root"
cache=${HATCHWAY_TEST_CACHE:-${HOME:-/root}/.cache/hatchway-test}
release=trixie
prefix=hatchway-deploy-test
project=hatchway-deploy-test
parts=" ${*:-unit toolbox compose cluster} "
work=$(mktemp -d)
export DOCKER_BUILDKIT=0 # the one builder that every engine from 20.10 on has without a plugin

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }
die() {
  echo "prove: $*" >&2
  exit 1
}
expect() { # expect <what> <command…>
  local what=$1
  shift
  "$@" >"$work/said" 2>&1 || {
    cat "$work/said" >&2
    die "$what"
  }
  say "ok: $what"
}
refuse() { # the opposite of expect
  local what=$1
  shift
  if "$@" >"$work/said" 2>&1; then
    cat "$work/said" >&2
    die "$what"
  fi
  say "ok: $what"
}
build() { # build <tag> <arguments…>
  local tag=$1
  shift
  local from=$SECONDS
  docker build --quiet --force-rm --network host --tag "$prefix/$tag" "$@" >"$work/built" 2>&1 || {
    cat "$work/built" >&2
    die "$tag was not built"
  }
  say "built $tag in $((SECONDS - from)) s, $(docker image inspect --format '{{.Size}}' "$prefix/$tag" | awk '{printf "%d MB", $1 / 1e6}')"
}

. test/deploy/stand-ins.sh
. test/deploy/try-toolbox.sh
. test/deploy/try-gateway.sh
. test/deploy/try-cluster.sh
. test/deploy/try-unit.sh

try() { # try <part>, if it is wanted
  case $parts in *" $1 "*) "try_$1" ;; esac
}
trap 'end_gateway; end_cluster; rm -rf "$work"' EXIT
try unit
make_stand_ins
build toolbox --build-arg BASE_IMAGE="$prefix/debian" deploy/toolbox
try toolbox
build busybox --file test/deploy/busybox.Dockerfile --build-arg DEBIAN_IMAGE="$prefix/debian" deploy/sample
build sample --build-arg BUSYBOX_IMAGE="$prefix/busybox" deploy/sample
build gateway --file deploy/Dockerfile --build-arg BUILD_IMAGE="$prefix/build-base" --build-arg RUNTIME_IMAGE="$prefix/runtime-base" .
try compose
try cluster
say "tried of deploy/, on stand-in bases:$parts"
