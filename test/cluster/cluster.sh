#!/bin/sh
# A real Kubernetes cluster of one node for tests: etcd, kube-apiserver, controller-manager, scheduler, kubelet and
# kubectl built from the Go modules that go.mod pins, with containerd 2 as test/engines/newest-engine.sh fetches it.
#
#   cluster.sh build                 build the binary into the cache (6 minutes cold on two cores); idempotent
#   cluster.sh start [PART]          idempotent; builds first when needed. A fresh cluster each time, in about ten seconds
#   cluster.sh stop [PART]           ends everything and takes away what it made, or ends one part
#   cluster.sh restart PART          etcd, containerd, kube-apiserver, kube-controller-manager, kube-scheduler or kubelet
#   cluster.sh status                which parts run; fails when the cluster does not
#   cluster.sh kubeconfig            prints the path of the administrator's kubeconfig
#   cluster.sh kubectl               prints the path of a kubectl of the same version
#   cluster.sh import FILE...        gives the node images from `docker save` archives
#   cluster.sh ctr ARGUMENT...       containerd's own client on the node's containers
#   cluster.sh netns                 prints the network namespace's path, for nsenter --net=
#   cluster.sh logs                  prints the folder of the logs; audit.log is the API server's audit
#
# HATCHWAY_TEST_CACHE       where binaries, state and logs go (default ~/.cache/hatchway-test)
# HATCHWAY_TEST_CLUSTER     0 to 9, for several clusters side by side (default 0)
#
# Everything lives in a network namespace of its own, joined to the machine by one pair of interfaces: nothing listens on
# an address that another machine could reach, no rule of a firewall here matters, and nothing in it reaches outside.
# The API server is 10.97.N.2, pods are 10.97.N.128/25 and can be reached from this machine, services 10.98.N.0/24;
# there is no kube-proxy and no DNS, so that `kubernetes.default` is the one service that works, by its address.
#
# Needs root, Go, Debian's containernetworking-plugins, curl, ip (iproute2), openssl, flock and nsenter (util-linux).
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
engines=$here/../engines/newest-engine.sh
instance=${HATCHWAY_TEST_CLUSTER:-0}
case $instance in [0-9]) ;; *) echo "cluster: HATCHWAY_TEST_CLUSTER is a digit, not $instance" >&2; exit 64 ;; esac
cache=${HATCHWAY_TEST_CACHE:-${HOME:-/root}/.cache/hatchway-test}
data=$cache/clusters/$instance
logs=$data/logs
pki=$data/pki
# Unix socket paths end at 108 bytes and containerd adds to ours, so what runs lives in a short place.
run=/run/hatchway-test/cluster-$instance
namespace=hatchway-cluster-$instance
netns=/run/netns/$namespace
cgroup=hatchway-cluster-$instance
address=10.97.$instance.2
host=10.97.$instance.1
pods=10.97.$instance.128/25
services=10.98.$instance
# What a kubelet sets for the whole machine.
changed='vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes'
parts='etcd containerd kube-apiserver kube-controller-manager kube-scheduler kubelet'
cni=${HATCHWAY_TEST_CNI:-/usr/lib/cni}

die() { echo "cluster: $*" >&2; exit 1; }

version() { sed -n 's,^[[:space:]]*k8s.io/kubernetes \(v.*\)$,\1,p' "$here/go.mod"; }

# Where the binaries of these sources are: another version or another main.go is another folder.
binaries() {
  key=$(cd "$here" && cat go.mod go.sum main.go pause/main.go | sha256sum | cut -c1-12)
  echo "$cache/kubernetes/$(version)-$key"
}

lock() {
  mkdir -p "$1"
  exec 9>"$1/lock"
  flock -w 1800 9 || die "another cluster.sh has been at work in $1 for half an hour"
}

build() {
  bin=$(binaries)
  [ -x "$bin/kubelet" ] && return 0
  command -v go >/dev/null || die "there is no Go to build Kubernetes $(version) with: it needs $(sed -n 's/^go //p' "$here/go.mod") or newer from the Go project (Debian 12's is too old)"
  lock "$cache/kubernetes"
  [ -x "$bin/kubelet" ] && return 0
  echo "cluster: building Kubernetes $(version), which takes some minutes the first time" >&2
  rm -rf "$bin.part"
  mkdir -p "$bin.part"
  minor=$(version | cut -d. -f2)
  prefix=k8s.io/component-base/version
  flags="-s -w -X $prefix.gitVersion=$(version) -X $prefix.gitMajor=1 -X $prefix.gitMinor=$minor"
  (cd "$here" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false -ldflags "$flags" -o "$bin.part/" . ./pause) >&2 ||
    die "Kubernetes $(version) could not be built in $here"
  for name in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do
    ln -s cluster "$bin.part/$name"
  done
  pause_image "$bin.part"
  mv "$bin.part" "$bin"
  exec 9>&-
}

# The image of every sandbox, as a `docker save` archive: one layer with one static program.
pause_image() {
  staging=$1/image
  mkdir "$staging"
  tar -C "$1" --owner=0 --group=0 --numeric-owner -cf "$staging/layer.tar" pause
  layer=$(sha256sum "$staging/layer.tar" | cut -d' ' -f1)
  architecture=$(go env GOARCH)
  printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/pause"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$architecture" "$layer" >"$staging/config.json"
  printf '[{"Config":"config.json","RepoTags":["hatchway-test/pause:1"],"Layers":["layer.tar"]}]' >"$staging/manifest.json"
  tar -C "$staging" -cf "$1/pause.tar" .
  rm -r "$staging"
}

# A part's pid, if it runs and is ours: a pid file outlives a reboot.
pid() {
  [ -r "$run/$1.pid" ] || return 1
  found=$(cat "$run/$1.pid")
  [ -n "$found" ] && tr "\0" " " 2>/dev/null <"/proc/$found/cmdline" | grep -q -- "$data/" || return 1
  echo "$found"
}

api() { curl -fsS --max-time 5 --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" "https://$address$1" 2>/dev/null; }

# until_answers WHAT PART COMMAND...: waits a minute, or until the part has ended.
until_answers() {
  what=$1 part=$2
  shift 2
  tries=0
  until "$@" >/dev/null 2>&1; do
    pid "$part" >/dev/null || { tail -n 20 "$logs/$part.log" >&2; die "$part ended, see $logs/$part.log"; }
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { tail -n 20 "$logs/$part.log" >&2; die "$what after a minute, see $logs/$part.log"; }
    sleep 0.1
  done
}

# issue NAME SUBJECT [EXTENSION]: a key and a certificate of the cluster's own authority.
issue() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "$2" \
    -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -keyout "$pki/$1.key" -out "$pki/$1.crt" \
    -addext 'basicConstraints=critical,CA:FALSE' -addext 'extendedKeyUsage=clientAuth,serverAuth' ${3:+-addext "$3"} 2>/dev/null
}

kubeconfig() {
  cat >"$data/$1.kubeconfig" <<EOF
apiVersion: v1
kind: Config
current-context: hatchway-test
clusters:
  - name: hatchway-test
    cluster: { server: "https://$address", certificate-authority-data: $(base64 -w0 "$pki/ca.crt") }
users:
  - name: $1
    user: { client-certificate-data: $(base64 -w0 "$pki/$1.crt"), client-key-data: $(base64 -w0 "$pki/$1.key") }
contexts:
  - name: hatchway-test
    context: { cluster: hatchway-test, user: $1, namespace: default }
EOF
}

make_credentials() {
  mkdir -p "$pki"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=hatchway-test \
    -keyout "$pki/ca.key" -out "$pki/ca.crt" -addext keyUsage=critical,keyCertSign,digitalSignature 2>/dev/null
  openssl ecparam -name prime256v1 -genkey -noout -out "$pki/service-accounts.key"
  issue apiserver /CN=kube-apiserver \
    "subjectAltName=IP:$address,IP:$services.1,IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  issue apiserver-kubelet /O=system:masters/CN=kube-apiserver
  issue node "/O=system:nodes/CN=system:node:$namespace" "subjectAltName=IP:$address,DNS:$namespace"
  issue admin /O=system:masters/CN=hatchway-test-admin
  issue controller-manager /CN=system:kube-controller-manager
  issue scheduler /CN=system:kube-scheduler
  for name in node admin controller-manager scheduler; do kubeconfig "$name"; done
}

make_files() {
  mkdir -p "$data/cni"
  cat >"$data/cni/10-bridge.conflist" <<EOF
{ "cniVersion": "1.0.0", "name": "hatchway-test", "plugins": [{
  "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
  "ipam": { "type": "host-local", "dataDir": "$run/cni", "ranges": [[{ "subnet": "$pods" }]], "routes": [{ "dst": "0.0.0.0/0" }] }
}] }
EOF
  # restrict_oom_score_adj: the root of many virtual machines may not lower a process's score, which runc then fails at.
  cat >"$data/containerd.toml" <<EOF
version = 3
root = "$data/containerd"
state = "$run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing"]
[grpc]
address = "$run/containerd.sock"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "hatchway-test/pause:1"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["$cni"]
conf_dir = "$data/cni"
[plugins."io.containerd.internal.v1.opt"]
path = "$data/opt"
EOF
  cat >"$data/audit.yaml" <<EOF
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - { level: None, users: [system:apiserver, system:kube-controller-manager, system:kube-scheduler] }
  - { level: None, userGroups: [system:nodes] }
  - { level: Metadata }
EOF
  # Neither a full disk nor swap of the machine is the tests' concern.
  cat >"$data/kubelet.yaml" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $address
containerRuntimeEndpoint: unix://$run/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
oomScoreAdj: 0
podLogsDir: $logs/pods
volumePluginDir: $data/volume-plugins
tlsCertFile: $pki/node.crt
tlsPrivateKeyFile: $pki/node.key
authentication:
  anonymous: { enabled: false }
  webhook: { enabled: true }
  x509: { clientCAFile: $pki/ca.crt }
authorization: { mode: Webhook }
healthzPort: 0
clusterDomain: cluster.local
clusterDNS: [$services.10]
resolvConf: /dev/null
imageGCHighThresholdPercent: 100
evictionHard: { nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%" }
EOF
}

# launch PART COMMAND...: in the cluster's network, without the lock, with its output in a file.
launch() {
  part=$1
  shift
  nsenter --net="$netns" setsid "$@" >>"$logs/$part.log" 2>&1 </dev/null 9>&- &
  echo $! >"$run/$part.pid"
}

start_part() {
  pid "$1" >/dev/null && return 0
  case $1 in
    etcd)
      launch etcd "$bin/etcd" --data-dir "$data/etcd" --unsafe-no-fsync --log-level warn \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
        --listen-peer-urls http://127.0.0.1:2380
      ;;
    containerd)
      PATH=$($engines binaries):$PATH
      launch containerd containerd --config "$data/containerd.toml"
      until_answers 'containerd does not answer' containerd node_ctr version
      ;;
    kube-apiserver)
      launch kube-apiserver "$bin/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
        --bind-address 0.0.0.0 --secure-port 443 --advertise-address "$address" --service-cluster-ip-range "$services.0/24" \
        --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true \
        --client-ca-file "$pki/ca.crt" --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
        --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP \
        --kubelet-client-certificate "$pki/apiserver-kubelet.crt" --kubelet-client-key "$pki/apiserver-kubelet.key" \
        --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$pki/service-accounts.key" \
        --service-account-signing-key-file "$pki/service-accounts.key" \
        --audit-policy-file "$data/audit.yaml" --audit-log-path "$logs/audit.log"
      until_answers 'kube-apiserver is not ready' kube-apiserver api /readyz
      ;;
    kube-controller-manager)
      launch kube-controller-manager "$bin/kube-controller-manager" --kubeconfig "$data/controller-manager.kubeconfig" \
        --bind-address 127.0.0.1 --leader-elect=false --use-service-account-credentials \
        --kube-api-qps 500 --kube-api-burst 1000 --concurrent-deployment-syncs 20 --concurrent-replicaset-syncs 20 \
        --service-account-private-key-file "$pki/service-accounts.key" --root-ca-file "$pki/ca.crt" \
        --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key"
      ;;
    kube-scheduler)
      launch kube-scheduler "$bin/kube-scheduler" --kubeconfig "$data/scheduler.kubeconfig" \
        --bind-address 127.0.0.1 --leader-elect=false
      ;;
    kubelet)
      launch kubelet "$bin/kubelet" --config "$data/kubelet.yaml" --kubeconfig "$data/node.kubeconfig" \
        --root-dir "$data/kubelet" --cert-dir "$pki" --hostname-override "$namespace" --node-ip "$address"
      until_answers 'kubelet does not answer' kubelet api :10250/healthz
      ;;
    *) die "there is no part $1: the parts are $parts" ;;
  esac
}

stop_part() {
  running=$(pid "$1") || return 0
  # An API server would wait for those who watch, and it has nothing to lose.
  [ "$1" = kube-apiserver ] && patience=10 || patience=100
  kill "$running"
  tries=0
  while pid "$1" >/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -ne "$patience" ] || kill -KILL "$running" 2>/dev/null || true
    [ "$tries" -lt 300 ] || die "$1 ($running) does not end, see $logs/$1.log"
    sleep 0.1
  done
  rm -f "$run/$1.pid"
}

ctr_path() { PATH=$($engines binaries):$PATH command -v ctr; }
node_ctr() { "$(ctr_path)" --address "$run/containerd.sock" --namespace k8s.io "$@"; }

make_network() {
  ip netns add "$namespace"
  ip link add "hwt$instance" type veth peer name eth0 netns "$namespace"
  ip address add "$host/30" dev "hwt$instance"
  ip link set "hwt$instance" up
  # Not `ip netns exec`: it mounts another /sys, without the cgroups. Sockets hold what Linux lets them by default, whatever the
  # machine is set to: tests say how much a paused program may write.
  nsenter --net="$netns" sh -c "
    echo 4096 131072 6291456 >/proc/sys/net/ipv4/tcp_rmem &&
    ip link set lo up && ip address add $services.1/32 dev lo &&
    ip address add $address/30 dev eth0 && ip link set eth0 up && ip route add default via $host"
  ip route add "$pods" via "$address"
}

# One folder in each hierarchy of version 1, or the one of version 2.
cgroups() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo "/sys/fs/cgroup/$cgroup"; return; fi
  for hierarchy in /sys/fs/cgroup/*/; do echo "$hierarchy$cgroup"; done
}

has_account() { api /api/v1/namespaces/default/serviceaccounts/default; }
node_ready() { api "/api/v1/nodes/$namespace" | tr -d ' \n' | grep -o '"type":"Ready","status":"[A-Za-z]*"' | grep -q True; }
answers() { for each in $parts; do pid "$each" >/dev/null || return 1; done; api /readyz >/dev/null; }

start() {
  answers && return 0
  [ "$(id -u)" = 0 ] || die "starting a cluster needs root"
  [ -x "$cni/bridge" ] && [ -x "$cni/host-local" ] ||
    die "there are no CNI plugins in $cni: install the package containernetworking-plugins"
  build
  $engines fetch
  lock "$data"
  answers && return 0
  # What an end without `stop` left behind would be a cluster without its processes.
  stop_all
  rm -rf "$data/etcd" "$data/containerd" "$data/kubelet" "$logs" "$pki" "$data"/*.kubeconfig
  mkdir -p "$run" "$logs"
  chmod 700 "$data"
  (umask 077 && make_credentials)
  make_files
  sysctl -e $changed >"$run/sysctl"
  for each in $(cgroups); do mkdir -p "$each"; done
  make_network
  start_part etcd
  start_part containerd
  start_part kube-apiserver
  start_part kube-controller-manager
  start_part kube-scheduler
  import "$bin/pause.tar"
  start_part kubelet
  until_answers 'the node is not ready' kubelet node_ready
  until_answers 'no service account was made' kube-controller-manager has_account
}

# Pods first, while containerd can still take them apart; then whatever did not go by itself.
stop_all() {
  # All shims of a machine have their sockets in the same place, and one that is killed leaves its own behind.
  sockets=$(cat "$run"/containerd/io.containerd.runtime.v2.task/k8s.io/*/bootstrap.json 2>/dev/null | grep -o '/run/containerd/s/[0-9a-f]*' | sort -u)
  for each in kubelet kube-scheduler kube-controller-manager; do stop_part "$each"; done
  for each in $(cgroups); do
    [ -d "$each" ] && find "$each" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | grep -v '^0$' | xargs -r kill -KILL 2>/dev/null || true
  done
  if pid containerd >/dev/null; then
    node_ctr tasks list -q | timeout 60 xargs -r "$(ctr_path)" --address "$run/containerd.sock" --namespace k8s.io tasks delete --force >/dev/null 2>&1 || true
  fi
  for each in containerd kube-apiserver etcd; do stop_part "$each"; done
  grep -lsaP "containerd-shim-runc-v2\\x00.*\\x00$run/containerd.sock\\x00" /proc/[0-9]*/cmdline | cut -d/ -f3 | xargs -r kill -KILL 2>/dev/null || true
  awk -v a="$run/" -v b="$data/" 'index($2, a) == 1 || index($2, b) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
  ip link delete "hwt$instance" 2>/dev/null || true
  [ ! -e "$netns" ] || ip netns delete "$namespace"
  for each in $(cgroups); do
    tries=0
    while [ -d "$each" ] && ! find "$each" -depth -type d -exec rmdir {} + 2>/dev/null; do
      tries=$((tries + 1))
      [ "$tries" -lt 50 ] || die "processes remain in $each"
      sleep 0.1
    done
  done
  rm -f $sockets
  [ ! -d /var/log/containers ] || find /var/log/containers -lname "$logs/pods/*" -delete
  [ ! -r "$run/sysctl" ] || sysctl -q -p "$run/sysctl" >/dev/null 2>&1 || true
  rm -rf "$run"
}

import() { for file; do node_ctr images import --all-platforms "$file" >/dev/null || die "the node did not take the images of $file"; done; }

status() {
  for each in $parts; do
    if found=$(pid "$each"); then echo "$each $found"; else echo "$each -"; fi
  done
  answers
}

bin=$(binaries)
verb=${1:-}
[ $# -eq 0 ] || shift
case $verb in
  build) build ;;
  start) if [ $# -eq 0 ]; then start; else lock "$data" && start_part "$1"; fi ;;
  stop) lock "$data" && if [ $# -eq 0 ]; then stop_all; else stop_part "$1"; fi ;;
  restart) lock "$data" && stop_part "${1:-}" && start_part "${1:-}" ;;
  status) status ;;
  kubeconfig) echo "$data/admin.kubeconfig" ;;
  kubectl) build && echo "$bin/kubectl" ;;
  import) import "$@" ;;
  ctr) node_ctr "$@" ;;
  netns) echo "$netns" ;;
  logs) echo "$logs" ;;
  *) sed -n '2,/^# Needs root/s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
