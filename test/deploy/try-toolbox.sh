# Sourced by prove.sh: what a debug container can rely on in deploy/toolbox.
# shellcheck shell=bash disable=SC2154

# As the driver starts it: the target's uid and gid, which the image has never heard of, and no privilege at all.
in_toolbox() {
  docker run --rm --network none --user 4711:4712 --cap-drop ALL --security-opt no-new-privileges "$prefix/toolbox" "$@"
}

try_toolbox() {
  expect "the toolbox has no setuid or setgid program" docker run --rm --network none --user 0 "$prefix/toolbox" \
    sh -c 'test -z "$(find / -xdev -type f -perm /6000)"'
  expect "the toolbox runs as 65532 when nobody says otherwise" docker run --rm --network none "$prefix/toolbox" \
    sh -c 'test "$(id -u):$(id -g)" = 65532:65532'
  # Each is executed: a file capability that is left over makes execve fail without the capability.
  local tool
  for tool in 'bash --version' 'curl --version' 'dig -v' 'tcpdump --version' 'strace -V' 'jq --version' 'vim --version' \
    'htop --version' 'ip -V' 'ss -V' 'openssl version' 'ps --version' 'less --version' 'lsof -v' 'wget --version' \
    'socat -V' 'file --version' 'traceroute --version' 'xxd -v' 'pstree --version' 'hexdump --version' 'nc -h'; do
    # shellcheck disable=SC2086
    expect "a stranger's uid can run ${tool%% *}" in_toolbox $tool
  done
  expect "ping needs no privilege" docker run --rm --user 4711:4712 --cap-drop ALL --security-opt no-new-privileges \
    "$prefix/toolbox" ping -c 1 -W 2 127.0.0.1
  expect "the home folder takes files from any uid" in_toolbox sh -c 'cd && touch file'
  expect "bash leaves no history" in_toolbox bash -ic 'test -z "$HISTFILE"'
}
