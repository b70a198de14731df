import { execArgv } from '../../shared/exec-argv.ts'
import { execGuard, packedGuards, unpackGuard } from '../../shared/guard-script.ts'
import { hint, launcherExits, oneLine, settle } from '../../shared/launch-place.ts'

/** A guard that somebody has stopped, so that it could not obey, ends after so long. Longer than a node stands still. */
export const deadmanSeconds = 60

/**
 * Says so, above a prompt, when the target's first process is an init and what it has started can't be looked into, because that
 * runs as somebody else: nothing tells of it before the start. An init's supervisors are looked through, twenty
 * threads of each and each list of processes to its twentieth. `true` and not `:`, after which a redirection that fails ends the shell itself (POSIX, 2.8.1);
 * a list of processes has no line end, so that reading it is no success.
 */
const tellOfInit = `[ -z "$hint" ] || [ "$root" != /proc/1/root ] || {
  inits=1
  for level in 1 2 3; do
    below=
    for init in $inits; do
      children=
      read -r first <"/proc/$init/comm" || continue
      threads=0
      for thread in "/proc/$init/task/"*; do
        [ "$((threads += 1))" -le 20 ] || break
        more=
        read -r more <"$thread/children"
        children="$children $more"
      done
      case $first in init | tini | tini-static | docker-init | dumb-init | catatonit | s6-* | runsv* | supervisord) ;; *) continue ;; esac
      seen=0
      for each in $children; do
        [ "$((seen += 1))" -le 20 ] || break
        below="$below $each"
        if read -r name <"/proc/$each/comm" && ! true <"/proc/$each/environ"; then
          case $name in *[!A-Za-z0-9._:@+-]*) name=? ;; esac
          printf '%s\\n' "Process 1 is an init. Below it process $each ($name) runs as somebody else: this shell lists it and cannot look into it. The profile general may." >&3
          break 3
        fi
      done
    done
    inits=$below
  done
} 3>&1 2>/dev/null`

/**
 * Finds the target's files and begins in them. Arguments: the target's container id where its processes have to be
 * looked for (else empty) as the first, then what to say when its files can't be entered, when its processes are not shared, and
 * above the prompt, and the directory to begin in. The first process being this one or its guard means that they are not shared.
 */
export const enterFiles = `root=/proc/1/root unseen=$2 hint=$4 cwd=$5
if [ "$$" = 1 ] || [ "$PPID" = 1 ]; then
  root=/ hint=
  printf '%s\\n' "$3" >&2
elif [ -n "$1" ]; then
  least=
  for dir in /proc/[0-9]*; do
    while read -r line; do
      case $line in *"$1"*)
        pid=\${dir#/proc/}
        if [ -z "$least" ] || [ "$pid" -lt "$least" ]; then least=$pid; fi
        break
      esac
    done 2>/dev/null <"$dir/cgroup"
  done 2>/dev/null
  root=/proc/\${least:-0}/root
fi
${settle}
${tellOfInit}
shift 5`

/**
 * Starts the guard (guard/guard.c) as the container's first process, and the second script below it. Such a container can be
 * neither removed nor signalled through the API, so whatever ends it is inside: nobody has claimed it, its deadline, or the
 * gateway's order. The gateway speaks through the size of the tty, the one thing that an attachment can change without a key being
 * typed: the first size is the claim, and one that no user's terminal can have is the order to end.
 * Arguments: two packed guards, seconds to live, rows and columns of the order as the guard reads them, the second script, then its own.
 */
const script = `${unpackGuard}
seconds=$3 order=$4 begin=$5
shift 5
[ -z "$guard" ] || ${execGuard({ seconds: '"$seconds"', deadmanSeconds, order: '"$order"', claimSeconds: '"$1"' })} -c "$begin" hatchway "$seconds" guarded "$@"
exec /bin/sh -c "$begin" hatchway "$seconds" alone "$@"`

/**
 * Starts the shell; where there is no guard to do so, it waits for the claim first. Arguments: seconds to live, whether there is a guard, seconds to wait for the claim, the
 * size of the order, the watchdog's script, those of {@link enterFiles}, then the shell as argv.
 * - The prompt comes after the claim, so whoever attached sees all of it, and the size is right from the first byte.
 * - busybox's stty tells 24 80 where there is no size yet (libbb/xfuncs.c, wh_helper): there the signal is the claim.
 * - Descriptor 3 is opened before the watchdog starts: POSIX gives what runs in the background another descriptor 0.
 * - /proc/uptime is read, not counted: no clock that is set, and no slow machine, moves the deadline.
 * - Without a guard the shell is the first process where no processes are shared, and nothing in its namespace can kill that one
 *   (pid_namespaces(7)): there the shell is its child, and all that it started is killed in its place.
 * Works in busybox ash, dash and bash.
 */
const begin = `
unset LINES COLUMNS
if [ "$2" = alone ]; then
  for tool in sleep stty; do
    command -v "$tool" >/dev/null || { echo "Hatchway: this toolbox has no $tool, by which a session is started and ended."; exit ${launcherExits.missingTool}; }
  done
  read -r now rest </proc/uptime
  now=\${now%.*} end=$((now + $1)) late=$((now + $3)) soon=$((now + 5)) resized=
  trap resized=yes WINCH
  while :; do
    size=$(stty size 2>/dev/null)
    case $size in
      "$4") exit ${launcherExits.ordered} ;;
      '' | '0 '* | *' 0') ;;
      '24 80') [ -z "$resized" ] || break ;;
      *) break ;;
    esac
    read -r now rest </proc/uptime
    now=\${now%.*}
    [ "$now" -lt "$late" ] || { echo 'Hatchway: nobody claimed this session.'; exit ${launcherExits.unclaimed}; }
    if [ "$now" -lt "$soon" ]; then { sleep 0.05 2>/dev/null || sleep 1; } & else sleep 1 & fi
    wait "$!"
  done
  trap - WINCH
  whom=$$
  [ "$$" != 1 ] || whom=-1
  exec 3<&0
  /bin/sh -c "$5" hatchway-watch "$end" "$$" "$4" "$whom" </dev/null >/dev/null 2>&1 &
  exec 3<&-
fi
shift 5
${enterFiles}
if [ "$$" = 1 ]; then
  /bin/sh -c 'exec "$@"' hatchway "$@"
  exit "$?"
fi
${execArgv}`

/**
 * Where there is no guard: ends the shell ($2; what is killed for it is $4) at its deadline ($1, in seconds of uptime) and when the
 * tty, which it has as descriptor 3, has the size of the order ($3). A change of size wakes it at once while the shell waits at its
 * prompt, and otherwise is seen within a second.
 */
const watchdog = `trap '' HUP INT QUIT TERM TSTP
trap : WINCH
while kill -0 "$2" 2>/dev/null; do
  read -r now rest </proc/uptime
  if [ "\${now%.*}" -ge "$1" ] || [ "$(stty size <&3)" = "$3" ]; then kill -KILL "$4"; fi
  sleep 1 3<&- &
  wait "$!"
done`

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
  /** Somebody sits before it: say where the target's files are. */
  interactive?: boolean
  /** Where to begin; `$TARGET` at its beginning is the target's root. Absent: in the home. */
  cwd?: string
  /** The shell or command, as argv. */
  argv: readonly string[]
}

/** Command of an ephemeral container. Everything that varies is an argument, never shell text. */
export function kubernetesLauncher(launch: KubernetesLaunch): string[] {
  const size = `${endingSize.rows} ${endingSize.cols}`
  const order = String(endingSize.rows * 65_536 + endingSize.cols)
  const own = [claimOf(launch), size, watchdog, ...placeArguments(launch)]
  const head = ['/bin/sh', '-c', script, 'hatchway', ...packedGuards]
  return [...head, secondsOf(launch), order, begin, ...own, ...launch.argv]
}

/** Whole seconds to live, as an argument. */
export function secondsOf({ deadlineSeconds }: KubernetesLaunch): string {
  return String(Math.max(1, Math.ceil(deadlineSeconds)))
}

/** Whole seconds to wait for the claim, as an argument. */
export function claimOf({ claimSeconds }: KubernetesLaunch): string {
  return String(Math.ceil(claimSeconds))
}

/** The arguments of {@link enterFiles}. */
export function placeArguments(launch: KubernetesLaunch): string[] {
  const { searchFor = '', unseen, unshared, interactive = false, cwd = '' } = launch
  return [searchFor, oneLine(unseen), oneLine(unshared), interactive ? hint : '', cwd]
}

/**
 * The same text for a field in which the kubelet would expand `$(NAME)` and halve `$$`
 * (k8s.io/kubernetes, third_party/forked/golang/expansion).
 */
export function withoutExpansion(text: string): string {
  return text.replaceAll('$', '$$$$')
}
