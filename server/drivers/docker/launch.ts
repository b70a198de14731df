import { execArgv } from '../shared/exec-argv.ts'
import { execGuard, guardFormat, guardMachine } from '../shared/guard-script.ts'
import { hint, launcherExits, oneLine, settle } from '../shared/launch-place.ts'

/**
 * Starts the guard (guard/guard.c) as the container's first process, and below it the shell: killing the guard ends the
 * container, and nothing that the shell leaves is left to the target's first process.
 * Arguments: the guard as a printf's format (empty: there is none for this machine), seconds, the second script, the
 * watchdog's script, then the second script's own.
 */
const script = `
guard=/tmp/.hatchway-$$
if [ -n "$1" ] && { printf "$1" >"$guard" && chmod 700 "$guard" && "$guard"; } 2>/dev/null; then
  seconds=$2 begin=$3
  shift 4
  ${execGuard({ seconds: '"$seconds"' })} -c "$begin" hatchway "$@"
fi
command -v sleep >/dev/null || { echo 'Hatchway: this toolbox has no sleep, which its deadline needs.' >&2; exit ${launcherExits.missingTool}; }
/bin/sh -c "$4" hatchway-deadline "$2" "$$" </dev/null >/dev/null 2>&1 &
begin=$3
shift 4
exec /bin/sh -c "$begin" hatchway "$@"`

/**
 * Ends the shell where there is no guard. It ignores what the keyboard can send, holds no tty and prints nothing. `$2` is the
 * shell that it ends: `exec` keeps the process id.
 */
const watchdog = `trap '' HUP INT QUIT TERM TSTP; sleep "$1"; kill -KILL "$2"`

/**
 * The first thing below the guard. Arguments: the target's root, what to say when it can't be entered, the hint, the
 * directory to begin in, `sized` or `unsized`, then the shell as argv.
 * An engine below API 1.42 gives the tty its size only after the start: what asks for it at once would get 0 0.
 * Works in busybox ash, dash and bash.
 */
const begin = `
root=$1 unseen=$2 hint=$3 cwd=$4
case $root in find:*)
  least=
  for dir in /proc/[0-9]*; do
    pid=\${dir#/proc/} name= uid= gid=
    read -r name <"$dir/comm"
    while read -r key real effective rest; do
      case $key in Uid:) uid=$effective ;; Gid:) gid=$effective; break ;; esac
    done <"$dir/status"
    [ "find:$uid:$gid:$name" != "$root" ] || { [ -n "$least" ] && [ "$pid" -gt "$least" ]; } || least=$pid
  done 2>/dev/null
  root=/proc/\${least:-1}/root
esac
${settle}
if [ "$5" = unsized ] && command -v stty >/dev/null; then
  n=0
  while [ "$n" -lt 50 ]; do
    case $(stty size 2>/dev/null) in '' | '0 0') n=$((n + 1)) ;; *) break ;; esac
    sleep 0.01 2>/dev/null || break
  done
fi
shift 5
${execArgv}`

/** A root to look for: that of the oldest process of this name and these effective ids. */
export function findRoot({ uid, gid, name }: { uid: number; gid: number; name: string }): string {
  return `find:${uid}:${gid}:${name}`
}

export interface Launch {
  deadlineSeconds: number
  /** Of the toolbox's image, as the engine names it. */
  architecture: string
  /** The target's root as the debug container sees it, or {@link findRoot}. */
  root: string
  /** One line, shown when the root can't be entered. */
  unseen: string
  /** Somebody sits before it: say where the target's files are. */
  interactive: boolean
  /** Where to begin; `$TARGET` at its beginning is the target's root. Absent: in the home. */
  cwd?: string
  /** The tty has its size from the beginning. */
  sized: boolean
  /** The shell or command, as argv. */
  argv: readonly string[]
}

/** Entrypoint of a debug container. Everything that varies is an argument, never shell text. */
export function launcherArgv(launch: Launch): string[] {
  const { deadlineSeconds, architecture, root, unseen, interactive, cwd = '', sized, argv } = launch
  const seconds = String(Math.max(1, Math.ceil(deadlineSeconds)))
  const machine = guardMachine(architecture)
  const guard = machine === undefined ? '' : guardFormat(machine)
  const own = [root, oneLine(unseen), interactive ? hint : '', cwd, sized ? 'sized' : 'unsized']
  return ['/bin/sh', '-c', script, 'hatchway', guard, seconds, begin, watchdog, ...own, ...argv]
}
