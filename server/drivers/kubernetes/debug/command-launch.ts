import { execArgv } from '../../shared/exec-argv.ts'
import { execGuard, packedGuards, unpackGuard } from '../../shared/guard-script.ts'
import {
  claimOf,
  deadmanSeconds,
  enterFiles,
  placeArguments,
  secondsOf,
  type KubernetesLaunch,
} from './launch.ts'
import { launcherExits } from '../../shared/launch-place.ts'

/** What the gateway writes, as a line, to the input of {@link commandLauncher}. */
export const commandOrders = { begin: 'begin', end: 'end' } as const

/**
 * Starts a command without a terminal in an ephemeral container, in the target's files. Such a container can be neither
 * removed nor signalled through the API, so whatever ends it is inside. The gateway speaks through its input: a line begins
 * the command, so that none of its output comes before anybody reads it; the next one, or the end of the input when the
 * gateway is gone, ends it. The guard (guard/guard.c) listens; where there is none, two watches do. The command's own input is empty.
 * Arguments: two packed guards, seconds to live, seconds to wait for the claim, the second script, the two watches, then the second
 * script's own.
 * Works in busybox ash, dash and bash, which says of each of its children that it was killed unless it is told not to.
 */
const script = `${unpackGuard}
seconds=$3 claim=$4 begin=$5 deadline=$6 orders=$7
shift 7
exec 3<&0 </dev/null
[ -z "$guard" ] || ${execGuard({ seconds: '"$seconds"', deadmanSeconds, claimSeconds: '"$claim"' })} -c "$begin" hatchway "$@"
command -v sleep >/dev/null || { echo 'Hatchway: this toolbox has no sleep, which its deadline needs.' >&2; exit ${launcherExits.missingTool}; }
read -r now rest </proc/uptime
now=\${now%.*} end=$((now + seconds))
/bin/sh -c "$deadline" hatchway-watch "$((now + claim))" "$$" 3<&- >/dev/null 2>&1 &
watch=$!
read -r order <&3 || exit ${launcherExits.unclaimed}
{ kill -KILL "$watch"; wait "$watch"; } 2>/dev/null
[ "$order" = ${commandOrders.begin} ] || exit ${launcherExits.ordered}
/bin/sh -c "$deadline" hatchway-watch "$end" "$$" 3<&- >/dev/null 2>&1 &
/bin/sh -c "$orders" hatchway-watch "$$" >/dev/null 2>&1 &
exec 3<&-
exec /bin/sh -c "$begin" hatchway "$@"`

/** Arguments: those of {@link enterFiles}, then the command as argv. */
const begin = `
${enterFiles}
${execArgv}`

// Each is a child of the command, and some other process may get its id when it is over: only a child kills its parent.
const parent = 'read -r pid name state parent rest <"/proc/$$/stat"'

/** Ends the command ($2) at its deadline ($1, in seconds of uptime). */
const deadlineWatch = `while ${parent} && [ "$parent" = "$2" ]; do
  read -r now rest </proc/uptime
  [ "\${now%.*}" -lt "$1" ] || kill -KILL "$2"
  sleep 1
done`

/** Ends the command ($1) by order, or when nobody could give one any more. */
const orderWatch = `read -r order <&3
${parent} && [ "$parent" = "$1" ] && kill -KILL "$1"`

/** Command of an ephemeral container without a tty. Everything that varies is an argument, never shell text. */
export function commandLauncher(launch: KubernetesLaunch): string[] {
  const head = ['/bin/sh', '-c', script, 'hatchway', ...packedGuards, secondsOf(launch), claimOf(launch)]
  return [...head, begin, deadlineWatch, orderWatch, ...placeArguments(launch), ...launch.argv]
}
