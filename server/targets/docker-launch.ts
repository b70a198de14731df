import { execArgv } from './exec-argv.ts'

/**
 * Starts the shell, in the target's files, under a deadline that needs no gateway.
 * Arguments: seconds, the directory, what to say when it can't be entered, `sized` or `unsized`, the watchdog's script, then
 * the shell as argv.
 * - The watchdog ignores what the keyboard can send, holds no tty and prints nothing. `$$` is the shell that it ends:
 *   `exec` keeps the process id.
 * - PWD is exported because a directory of another mount namespace has no path that getcwd could give.
 * - An engine below API 1.42 gives the tty its size only after the start: what asks for it at once would get 0 0.
 * Works in busybox ash, dash and bash.
 */
const script = `
command -v sleep >/dev/null || { echo 'Hatchway: this toolbox has no sleep, which its deadline needs.' >&2; exit 127; }
/bin/sh -c "$5" hatchway-deadline "$1" "$$" </dev/null >/dev/null 2>&1 &
if cd "$2" 2>/dev/null; then export PWD; else printf '%s\\n' "$3" >&2; fi
if [ "$4" = unsized ] && command -v stty >/dev/null; then
  n=0
  while [ "$n" -lt 50 ]; do
    case $(stty size 2>/dev/null) in '' | '0 0') n=$((n + 1)) ;; *) break ;; esac
    sleep 0.01 2>/dev/null || break
  done
fi
shift 5
${execArgv}`

/** The watchdog, a shell of its own so that `ps` shows these few words and not the whole script. */
const watchdog = `trap '' HUP INT QUIT TERM TSTP; sleep "$1"; kill -KILL "$2"`

export interface Launch {
  deadlineSeconds: number
  /** The target's root as the debug container sees it. */
  root: string
  /** One line, shown when the root can't be entered. */
  unseen: string
  /** The tty has its size from the beginning. */
  sized: boolean
  /** The shell or command, as argv. */
  argv: readonly string[]
}

/** Entrypoint of a debug container. Everything that varies is an argument, never shell text. */
export function launcherArgv({ deadlineSeconds, root, unseen, sized, argv }: Launch): string[] {
  const seconds = String(Math.max(1, Math.ceil(deadlineSeconds)))
  const line = unseen.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
  return [
    '/bin/sh',
    '-c',
    script,
    'hatchway',
    seconds,
    root,
    line,
    sized ? 'sized' : 'unsized',
    watchdog,
    ...argv,
  ]
}
