# Sourced by prove.sh: the base images that deploy/ names, made without a registry.
# shellcheck shell=bash disable=SC2154

# The mirror that this machine already uses, from either form of apt's source lists.
debian_mirror() {
  {
    { cat /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } | sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p'
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
      sed -n 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p'
  } | sed 's,/*$,,' | grep '/debian$' | head -n 1
}

make_stand_ins() {
  local mirror rootfs=$cache/images/$release.tar
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die "this machine's apt sources name no Debian mirror"
  if [ ! -s "$rootfs" ]; then
    mkdir -p "$cache/images"
    # Whatever apt needs on this machine to reach its mirror, the builds below need too.
    apt-config dump --format '%f "%v";%n' Acquire::Check-Valid-Until Acquire::Check-Date Acquire::http::Proxy Acquire::https::Proxy >"$work/apt.conf"
    mmdebstrap --quiet --format=tar --variant=apt --include=ca-certificates --aptopt="$work/apt.conf" \
      "$release" "$rootfs.part" "deb $mirror $release main" || die "mmdebstrap could not make a Debian $release from $mirror"
    mv "$rootfs.part" "$rootfs"
    docker rmi "$prefix/debian" >/dev/null 2>&1 || true
    say "made a Debian $release rootfs"
  fi
  # Imported once, so that the builder's cache holds for everything on top of it.
  docker image inspect "$prefix/debian" >/dev/null 2>&1 ||
    docker import --change 'CMD ["bash"]' "$rootfs" "$prefix/debian" >/dev/null

  local npm
  npm=$(dirname "$(dirname "$(realpath "$(command -v npm)")")")
  mkdir "$work/node-bases"
  cp "$(npx --no node -- -p process.execPath)" "$work/node-bases/node"
  cp -R "$npm" "$work/node-bases/npm"
  cp --dereference /etc/ssl/certs/ca-certificates.crt "$work/node-bases/"
  build build-base --file test/deploy/build-base.Dockerfile --build-arg DEBIAN_IMAGE="$prefix/debian" \
    --build-arg NPM_REGISTRY="$(npm config get registry 2>/dev/null)" "$work/node-bases"
  build runtime-base --file test/deploy/runtime-base.Dockerfile --build-arg DEBIAN_IMAGE="$prefix/debian" "$work/node-bases"
}
