#!/usr/bin/env bash
# Helm for the tests of the chart, built from its Go module because Debian has none. Prints the program's path.
#
#   test/deploy/helm.sh      three minutes cold on two cores, then from the cache; needs Go
#   HATCHWAY_TEST_CACHE      where it is kept (default ~/.cache/hatchway-test)
set -euo pipefail

# Go checks the module's content against the checksum database, so the version pins it.
version=v4.3.1
folder=${HATCHWAY_TEST_CACHE:-${HOME:-/root}/.cache/hatchway-test}/helm/$version

if [ ! -x "$folder/helm" ]; then
  command -v go >/dev/null || {
    echo "helm: there is no Go to build Helm $version with: take one from the Go project (Debian 12's is too old)" >&2
    exit 1
  }
  mkdir -p "$folder"
  exec 9>"$folder/lock"
  flock -w 1800 9
fi
if [ ! -x "$folder/helm" ]; then
  echo "helm: building $version, which takes some minutes the first time" >&2
  GOBIN=$folder/part CGO_ENABLED=0 GOFLAGS=-mod=mod go install -trimpath \
    -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=$version" "helm.sh/helm/v4/cmd/helm@$version" >&2
  mv "$folder/part/helm" "$folder/helm"
fi
echo "$folder/helm"
