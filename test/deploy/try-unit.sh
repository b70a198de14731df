# Sourced by prove.sh: the systemd unit, as far as that works without booting it.
# shellcheck shell=bash disable=SC2154

try_unit() {
  # systemd wants to see the programs that a unit names, so the paths of an installation become those of this checkout.
  sed -e "s,/usr/bin/node,$(npx --no node -- -p process.execPath)," -e "s,/opt/hatchway,$root," \
    deploy/hatchway.service >"$work/hatchway.service"
  expect "systemd accepts the unit" systemd-analyze verify "$work/hatchway.service"
  refuse "systemd has no remarks on the unit" test -s "$work/said"
  # In tenths; 1.5 when this was written, 9.6 is a unit without any hardening.
  expect "the unit stays hardened" systemd-analyze security --offline=true --threshold=20 --no-pager "$work/hatchway.service"
}
