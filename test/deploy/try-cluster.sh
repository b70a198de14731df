# Sourced by prove.sh: the gateway's image in a real cluster, installed by the chart, opening a session by its own account.
# What this does not prove: that the network policy holds (the test cluster's network enforces none), and a
# PersistentVolumeClaim that is bound (it has no provisioner).
# shellcheck shell=bash disable=SC2154

cluster=test/cluster/cluster.sh
# As test/support/cluster.ts names its own, so that whoever looks whether the cluster is in use finds it so.
namespace=hatchway-test-gateway-$RANDOM
targets=hatchway-test-targets-$RANDOM

kube() { "$kubectl" --kubeconfig "$kubeconfig" "$@"; }
in_helm() { "$helm" --kubeconfig "$kubeconfig" --namespace "$namespace" "$@"; }

end_cluster() {
  [ -n "${kubeconfig:-}" ] || return 0
  in_helm uninstall hatchway >/dev/null 2>&1 || true
  kube delete namespace "$namespace" "$targets" --ignore-not-found --wait=false >/dev/null 2>&1 || true
  [ -z "${started_cluster:-}" ] || "$cluster" stop >/dev/null 2>&1 || true
}

give_images() { # give_images <name>…, those that prove.sh built
  local name
  for name in "$@"; do
    docker save --output "$work/$name.tar" "$prefix/$name:latest"
    "$cluster" import "$work/$name.tar" >/dev/null
    rm "$work/$name.tar"
  done
}

restricted_namespace() {
  kube create namespace "$1"
  kube label namespace "$1" pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted
}

run_target() {
  kube apply --namespace "$targets" --filename - <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: sample}
spec:
  selector: {matchLabels: {app: sample}}
  template:
    metadata: {labels: {app: sample}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: httpd
          image: $prefix/sample:latest
          imagePullPolicy: IfNotPresent
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
YAML
  kube rollout status --namespace "$targets" --timeout 60s deployment/sample
}

install_gateway() { # install_gateway <values…>
  in_helm upgrade --install hatchway deploy/helm/hatchway --wait --timeout 90s \
    --set "image.repository=$prefix/gateway,image.tag=latest,persistence.enabled=false" \
    --set-json "config.toolboxes=[{\"name\":\"tools\",\"image\":\"$prefix/toolbox:latest\",\"shell\":[\"/bin/bash\"]}]" "$@"
}

gateway_says() { kube logs --namespace "$namespace" deployment/hatchway --all-pods=false; }

# Through the gateway's API and WebSocket, as a program of a user would.
open_from_inside() {
  HATCHWAY_TEST_TOKEN=$(kube exec --namespace "$namespace" deployment/hatchway -- node /app/server/main.ts token) \
    npx --no node -- test/deploy/session-in-cluster.ts \
    "http://$(kube get pods --namespace "$namespace" --selector app.kubernetes.io/name=hatchway \
      --field-selector status.phase=Running --output 'jsonpath={.items[0].status.podIP}'):8080" \
    "cluster/$targets/deployment/sample" "$namespace"
}

audited_as_gateway() { # the API server's own audit log
  grep -F '"subresource":"ephemeralcontainers"' "$("$cluster" logs)/audit.log" | grep -F "\"namespace\":\"$targets\"" |
    grep -qF "\"username\":\"system:serviceaccount:$namespace:hatchway\""
}
pods_of_gateway() { kube get pods --namespace "$namespace" --output name; }
same_pod() { [ "$(pods_of_gateway)" = "$1" ]; }

try_cluster() {
  local before
  helm=$(test/deploy/helm.sh)
  "$cluster" status >/dev/null 2>&1 || started_cluster=yes
  "$cluster" start
  kubectl=$("$cluster" kubectl)
  kubeconfig=$("$cluster" kubeconfig)
  give_images gateway toolbox sample
  expect "a namespace that enforces Pod Security's restricted level" restricted_namespace "$namespace"
  expect "another one with a target without a shell" restricted_namespace "$targets"
  expect "the target runs" run_target
  expect "the chart installs a gateway that becomes ready" install_gateway
  refuse "without a warning of Pod Security" grep -i warning "$work/said"
  expect "the log has the one-time link" until_true 10 says_link
  expect "from inside the cluster, by its service account, it opens, records and ends a session" open_from_inside
  cat "$work/said"
  expect "the API server's audit log names that account" until_true 10 audited_as_gateway
  before=$(pods_of_gateway)
  expect "another policy is taken" install_gateway --set-json \
    'policy.rules=[{"name":"all","who":{"everyone":true},"actions":["list","open","read-recording"],"effect":"allow"}]'
  expect "without another pod" same_pod "$before"
  expect "with Roles for one namespace in place of the ClusterRole it becomes ready" install_gateway --set "cluster.namespaces={$targets}"
  refuse "and has no rights elsewhere" kube auth can-i list pods --namespace default \
    --as "system:serviceaccount:$namespace:hatchway"
  expect "and it opens a session all the same" open_from_inside
  expect "it is taken away again" in_helm uninstall hatchway --wait --timeout 60s
}
says_link() { gateway_says 2>&1 | grep -qF 'http://localhost:8080/signin#code='; }
