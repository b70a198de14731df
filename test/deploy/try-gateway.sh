# Sourced by prove.sh: the gateway's image on its own, and then as deploy/compose.yaml runs it.
# shellcheck shell=bash disable=SC2154

port=$((20000 + RANDOM % 10000))
url=http://localhost:$port

compose() { docker-compose --project-name "$project" --project-directory "$work/deploy" --file "$work/deploy/compose.yaml" "$@"; }

end_gateway() {
  [ -f "$work/deploy/compose.yaml" ] || return 0
  docker ps --all --quiet --filter "label=hatchway.user=prove" | xargs --no-run-if-empty docker rm --force >/dev/null 2>&1
  DOCKER_GID=0 compose down --volumes --timeout 10 >/dev/null 2>&1
}

api() { # api <method> <path> [body]; prints the body, then the status on a line of its own
  curl --silent --show-error --max-time 30 --request "$1" --header "Authorization: Bearer $token" \
    ${3:+--header 'Content-Type: application/json' --data "$3"} --write-out '\n%{http_code}\n' "$url/api/v1$2"
}
api_says() { # api_says <status> <pattern> <method> <path> [body]
  local status=$1 pattern=$2 said
  shift 2
  said=$(api "$@")
  echo "$said"
  [ "$(tail -n 1 <<<"$said")" = "$status" ] && grep -q -- "$pattern" <<<"$said"
}
until_true() { # until_true <seconds> <command…>
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.3
  done
}
healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$gateway")" = healthy ]; }

# The same files as in deploy/, with this run's image names and port, and without the one key that the Compose of
# Debian 12 is too old for.
prepare_compose() {
  cp -R deploy "$work/deploy"
  sed -i -e '/^name:/d' -e "s,image: hatchway-\\(.*\\):.*,image: $prefix/\\1," -e "s,image: hatchway:.*,image: $prefix/gateway," \
    "$work/deploy/compose.yaml"
  sed -i -e "s,http://localhost:8080,$url," -e "s,hatchway-toolbox:[^\"]*,$prefix/toolbox," \
    "$work/deploy/compose-hatchway.yaml"
  DOCKER_GID=$(stat --dereference --format %g "${DOCKER_SOCKET:-/var/run/docker.sock}")
  export DOCKER_GID HATCHWAY_PORT=$port
}

try_gateway_image() {
  local scratch=$work/files
  expect "the gateway's image runs as 65532" test "$(docker image inspect --format '{{.Config.User}}' "$prefix/gateway")" = 65532:65532
  docker create --name "$project-files" "$prefix/gateway" >/dev/null
  docker export "$project-files" | tar --list >"$scratch"
  docker rm "$project-files" >/dev/null
  refuse "the gateway's image has no shell, package manager or busybox" grep -E '(^|/)(sh|bash|dash|busybox|apt|apt-get|dpkg|npm|npx)$' "$scratch"
  refuse "the gateway's image has no development packages" grep -E '^app/node_modules/(typescript|vite|react|node-linux-[^/]*)/' "$scratch"
  expect "the gateway's image has the web app" grep -qx app/web/dist/index.html "$scratch"
  expect "the gateway's image runs its commands" docker run --rm --network none --read-only --cap-drop ALL \
    --volume "$root/deploy/policy.example.yaml:/policy.yaml:ro" "$prefix/gateway" policy check /policy.yaml
}

try_compose() {
  local sample sample_id session debug
  try_gateway_image
  prepare_compose
  expect "compose starts the gateway and the sample" compose up --detach --no-build
  gateway=$(compose ps --quiet gateway)
  sample_id=$(compose ps --quiet sample)
  until_true 60 healthy || { compose logs gateway >&2; die "the gateway does not become healthy"; }
  say "ok: the gateway becomes healthy with a read-only root and no capability"
  expect "the log has the one-time link" until_true 10 logged "$url/signin#code="
  expect "readyz is content" curl --fail --silent "$url/readyz"
  expect "the web app is served" curl --fail --silent "$url/"
  token=$(docker exec "$gateway" node /app/server/main.ts token --user prove)
  sample=$(docker inspect --format '{{slice .Name 1}}' "$sample_id")
  refuse "the sample has no shell" docker exec "$sample_id" /bin/sh -c true
  expect "the sample is listed" api_says 200 "\"local/$sample\"" GET "/targets?q=$sample"
  expect "the gateway itself is no target" api_says 403 forbidden POST /sessions \
    "{\"target\":\"local/$(docker inspect --format '{{slice .Name 1}}' "$gateway")\"}"
  session=$(api POST /sessions "{\"target\":\"local/$sample\",\"reason\":\"proving the images\"}" | grep -o '"id":"[^"]*"' | head -n 1 | cut -d '"' -f 4)
  [ -n "$session" ] || die "no session was opened: $(api POST /sessions "{\"target\":\"local/$sample\"}")"
  expect "a session starts in the sample with the toolbox" until_true 30 api_says 200 '"state":"running"' GET "/sessions/$session"
  expect "it runs as the sample's user" api_says 200 '"uid":65532,"gid":65532' GET "/sessions/$session"
  debug=$(docker ps --quiet --filter "label=hatchway.session=$session")
  expect "it sees the sample's files, processes and port" docker exec "$debug" \
    bash -c 'test -e /proc/1/root/httpd && pgrep -x httpd && curl -fsS 127.0.0.1:8000'
  expect "the gateway's container can be restarted" docker restart --time 20 "$gateway"
  until_true 60 healthy || die "the gateway does not become healthy after a restart"
  expect "the session outlives the restart" api_says 200 '"state":"running"' GET "/sessions/$session"
  expect "the session ends on request" api_says 200 '"reason":"terminated"' DELETE "/sessions/$session"
  expect "its recording is an asciicast" api_says 200 '"version":3' GET "/sessions/$session/recording"
  expect "no debug container is left" until_true 20 no_container "hatchway.session=$session"
}
logged() { docker logs "$gateway" 2>&1 | grep -qF -- "$1"; }
no_container() { [ -z "$(docker ps --all --quiet --filter "label=$1")" ]; }
