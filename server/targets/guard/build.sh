#!/bin/sh
# Makes guard-binary.ts of guard.c: Debian 12's gcc and gcc-aarch64-linux-gnu (12.2.0) give these bytes.
set -e
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags='-Oz -std=gnu17 -ffreestanding -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables -fno-pic -fno-pie
  -fomit-frame-pointer -mgeneral-regs-only -nostdlib -static -no-pie -Wall -Wextra -Werror
  -Wl,--build-id=none -Wl,-T,guard.ld -Wl,-z,max-page-size=4096 -Wl,-s'
gcc $flags -fcf-protection=none -o "$out/x86_64" guard.c
aarch64-linux-gnu-gcc $flags -o "$out/aarch64" guard.c
{
  echo '/** The first process of a debug container, for each machine as `uname -m` names it: gzip of an ELF file, in base64. Made by build.sh. */'
  echo 'export const guardBinaries = {'
  for machine in x86_64 aarch64; do
    # The table of sections, at the end, is for linkers alone.
    size=$(od -An -t u8 -j 40 -N 8 "$out/$machine" | tr -d ' ')
    printf "  %s:\n    '%s',\n" "$machine" "$(head -c "$size" "$out/$machine" | gzip -9 -n | base64 -w 0)"
  done
  echo '} as const'
  printf "\n/** SHA-256 of the source that they were made of. */\nexport const guardSource = '%s'\n" "$(sha256sum <guard.c | cut -d ' ' -f 1)"
} >guard-binary.ts
