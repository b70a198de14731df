import { gzipSync } from 'node:zlib'
import { machines, readGuard, type GuardMachine } from './guard/built-guard.ts'

/**
 * The machine of an engine's architecture (GOARCH), as `uname -m` says it; undefined where there is no guard: for another one,
 * or when it was not built.
 */
export function guardMachine(architecture: string): GuardMachine | undefined {
  const machine = { amd64: 'x86_64', arm64: 'aarch64' }[architecture] as GuardMachine | undefined
  return machine !== undefined && readGuard(machine) !== undefined ? machine : undefined
}

/** What to tell an operator whose installation has no guard for a machine like this one (`process.arch`); else undefined. */
export function withoutGuard(arch: string): string | undefined {
  if (guardMachine(arch === 'x64' ? 'amd64' : arch) !== undefined) return undefined
  return 'The guard of debug containers was not built, because there was no gcc: sessions leave zombies in their targets, and their users can end the watchdog that keeps the deadline. Install gcc and run `npm run guard`.'
}

const texts = new Map<GuardMachine, string>()

/** The guard as the format of a printf, which each shell has built in: written without any tool. Empty where there is none. */
export function guardFormat(machine: GuardMachine): string {
  const known = texts.get(machine)
  if (known !== undefined) return known
  const text = [...(readGuard(machine) ?? [])].map(formatOf).join('')
  texts.set(machine, text)
  return text
}

function formatOf(byte: number, at: number, all: readonly number[]): string {
  const text = String.fromCodePoint(byte)
  if (text === '%') return '%%'
  if (text === '\\') return '\\\\'
  if (byte > 0x20 && byte < 0x7f) return text
  const next = all[at + 1] ?? 0
  // As short as it can be where no digit follows.
  return `\\${byte.toString(8).padStart(next >= 0x30 && next <= 0x37 ? 3 : 1, '0')}`
}

/**
 * Packed for where each byte is kept for long: a pod's specification. Arguments 1 and 2 of a script that begins with
 * {@link unpackGuard}; empty where there is none.
 */
export const packedGuards: readonly string[] = machines.map((machine) => {
  const guard = readGuard(machine)
  return guard === undefined ? '' : gzipSync(guard, { level: 9 }).toString('base64')
})

/**
 * Leaves the guard's path in `guard`, or nothing: on another machine, where nothing can be written and executed, and in an
 * image without base64, gzip or chmod. `/tmp` is made where there is none and root may.
 */
export const unpackGuard = `
[ -e /tmp ] || mkdir -m 1777 /tmp 2>/dev/null
case $(uname -m 2>/dev/null) in x86_64) packed=$1 ;; aarch64) packed=$2 ;; *) packed= ;; esac
guard=
for place in \${packed:+/tmp "$HOME"}; do
  guard=$place/.hatchway-$$
  { printf %s "$packed" | base64 -d | gzip -dc >"$guard" && chmod 700 "$guard" && "$guard"; } 2>/dev/null && break
  rm -f "$guard" 2>/dev/null
  guard=
done`

/** What the guard is told: guard/guard.c. */
export interface GuardOrders {
  /** Shell words: each a number, or a variable in double quotes. */
  seconds: string
  deadmanSeconds?: number
  order?: string
  claimSeconds?: string
}

/** Shell text that executes the guard, which then executes `/bin/sh` with these words. */
export function execGuard({
  seconds,
  deadmanSeconds = 0,
  order = '0',
  claimSeconds = '0',
}: GuardOrders): string {
  return `exec "$guard" ${seconds} ${deadmanSeconds} ${order} ${claimSeconds} /bin/sh`
}
