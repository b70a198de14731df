import { execArgv } from './exec-argv.ts'
import { enterFiles, launcherExits, oneLine, type KubernetesLaunch } from './kubernetes-launch.ts'

/** What the gateway writes, as a line, to the input of {@link commandLauncher}. */
export const commandOrders = { begin: 'begin', end: 'end' } as const

/**
 * Starts a command without a terminal in an ephemeral container, in the target's files. Such a container can be neither
 * removed nor signalled through the API, so whatever ends it is inside. The gateway speaks through its input: a line begins
 * the command, so that none of its output comes before anybody reads it; the next one, or the end of the input when the
 * gateway is gone, ends it. The command's own input is empty.
 * Arguments as in kubernetes-launch.ts, with the two scripts below as sixth and seventh.
 * Works in busybox ash, dash and bash, which says of each of its children that it was killed unless it is told not to.
 */
const script = `
command -v sleep >/dev/null || { echo 'Hatchway: this toolbox has no sleep, which its deadline needs.' >&2; exit ${launcherExits.missingTool}; }
read -r now rest </proc/uptime
now=\${now%.*} end=$((now + $1))
exec 3<&0 </dev/null
/bin/sh -c "$6" hatchway-watch "$((now + $2))" "$$" 3<&- >/dev/null 2>&1 &
watch=$!
read -r order <&3 || exit ${launcherExits.unclaimed}
{ kill -KILL "$watch"; wait "$watch"; } 2>/dev/null
[ "$order" = ${commandOrders.begin} ] || exit ${launcherExits.ordered}
/bin/sh -c "$6" hatchway-watch "$end" "$$" 3<&- >/dev/null 2>&1 &
/bin/sh -c "$7" hatchway-watch "$$" >/dev/null 2>&1 &
${enterFiles}
shift 7
exec 3<&-
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
  const { deadlineSeconds, claimSeconds, searchFor = '', unseen, unshared, argv } = launch
  const seconds = String(Math.max(1, Math.ceil(deadlineSeconds)))
  const words = [seconds, String(Math.ceil(claimSeconds)), searchFor, oneLine(unseen), oneLine(unshared)]
  return ['/bin/sh', '-c', script, 'hatchway', ...words, deadlineWatch, orderWatch, ...argv]
}
