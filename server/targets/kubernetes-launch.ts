import { execArgv } from './exec-argv.ts'

/**
 * Enters the target's files. Arguments: the target's container id where its processes have to be looked for (else empty) as
 * the third, and what to say when its files can't be entered, when its processes are not shared, as fourth and fifth.
 */
export const enterFiles = `root=/proc/1/root
if [ "$$" = 1 ]; then
  root=/
  printf '%s\\n' "$5" >&2
elif [ -n "$3" ]; then
  least=
  for dir in /proc/[0-9]*; do
    while read -r line; do
      case $line in *"$3"*)
        pid=\${dir#/proc/}
        if [ -z "$least" ] || [ "$pid" -lt "$least" ]; then least=$pid; fi
        break
      esac
    done 2>/dev/null <"$dir/cgroup"
  done 2>/dev/null
  root=/proc/\${least:-0}/root
fi
if cd "$root" 2>/dev/null; then export PWD; else printf '%s\\n' "$4" >&2; fi`

/**
 * Starts the shell of an ephemeral container, in the target's files. Such a container can be neither removed nor
 * signalled through the API, so whatever ends it is inside: nobody has claimed it, its deadline, or the gateway's order.
 * The gateway speaks through the size of the tty, the one thing that an attachment can change without a key being typed:
 * the first size is the claim, and one that no user's terminal can have is the order to end.
 * Arguments: seconds to live, seconds to wait for the claim, the target's container id where its processes have to be
 * looked for (else empty), two lines to say, the watchdog's script, the size of the order, then the shell as argv.
 * - The prompt comes after the claim, so whoever attached sees all of it, and the size is right from the first byte.
 * - busybox's stty tells 24 80 where there is no size yet (libbb/xfuncs.c, wh_helper): there the signal is the claim.
 * - Descriptor 3 is opened before the watchdog starts: POSIX gives what runs in the background another descriptor 0.
 * - /proc/uptime is read, not counted: no clock that is set, and no slow machine, moves the deadline.
 * - The first process being this one means that the runtime shares no processes.
 * Works in busybox ash, dash and bash.
 */
const script = `
for tool in sleep stty; do
  command -v "$tool" >/dev/null || { echo "Hatchway: this toolbox has no $tool, by which a session is started and ended."; exit 98; }
done
unset LINES COLUMNS
read -r now rest </proc/uptime
now=\${now%.*} end=$((now + $1)) late=$((now + $2)) soon=$((now + 5)) resized=
trap resized=yes WINCH
while :; do
  size=$(stty size 2>/dev/null)
  case $size in
    "$7") exit 96 ;;
    '' | '0 '* | *' 0') ;;
    '24 80') [ -z "$resized" ] || break ;;
    *) break ;;
  esac
  read -r now rest </proc/uptime
  now=\${now%.*}
  [ "$now" -lt "$late" ] || { echo 'Hatchway: nobody claimed this session.'; exit 97; }
  if [ "$now" -lt "$soon" ]; then { sleep 0.05 2>/dev/null || sleep 1; } & else sleep 1 & fi
  wait "$!"
done
trap - WINCH
exec 3<&0
/bin/sh -c "$6" hatchway-watch "$end" "$$" "$7" </dev/null >/dev/null 2>&1 &
${enterFiles}
shift 7
exec 3<&-
${execArgv}`

/**
 * Ends the shell ($2) at its deadline ($1, in seconds of uptime) and when the tty, which it has as descriptor 3, has the
 * size of the order ($3). A change of size wakes it at once while the shell waits at its prompt, and otherwise is seen within a second.
 */
const watchdog = `trap '' HUP INT QUIT TERM TSTP
trap : WINCH
while kill -0 "$2" 2>/dev/null; do
  read -r now rest </proc/uptime
  if [ "\${now%.*}" -ge "$1" ] || [ "$(stty size <&3)" = "$3" ]; then kill -KILL "$2"; fi
  sleep 1 3<&- &
  wait "$!"
done`

/** What the launcher itself exits with, before there is a shell. */
export const launcherExits = { ordered: 96, unclaimed: 97, missingTool: 98 } as const

/**
 * The size that orders a debug container to end: wider than any user's terminal, small to draw on, and told by every stty
 * (busybox takes 1 for nonsense).
 */
export const endingSize = { cols: 1001, rows: 2 } as const

export interface KubernetesLaunch {
  deadlineSeconds: number
  /** After this long without an attachment it ends itself. */
  claimSeconds: number
  /** Where process 1 is not the target's: its container id, by which its processes are found. */
  searchFor?: string
  /** One line, shown when the target's files can't be entered. */
  unseen: string
  /** One line, shown when the runtime has not shared the target's processes. */
  unshared: string
  /** The shell or command, as argv. */
  argv: readonly string[]
}

/** Command of an ephemeral container. Everything that varies is an argument, never shell text. */
export function kubernetesLauncher(launch: KubernetesLaunch): string[] {
  const { deadlineSeconds, claimSeconds, searchFor = '', unseen, unshared, argv } = launch
  const seconds = String(Math.max(1, Math.ceil(deadlineSeconds)))
  const lines = [unseen, unshared].map(oneLine)
  const order = `${endingSize.rows} ${endingSize.cols}`
  const fixed = [seconds, String(Math.ceil(claimSeconds)), searchFor, ...lines, watchdog, order]
  return ['/bin/sh', '-c', script, 'hatchway', ...fixed, ...argv]
}

/** Words to print: nothing in them moves the cursor or begins a line. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}

/**
 * The same text for a field in which the kubelet would expand `$(NAME)` and halve `$$`
 * (k8s.io/kubernetes, third_party/forked/golang/expansion).
 */
export function withoutExpansion(text: string): string {
  return text.replaceAll('$', '$$$$')
}
