/**
 * Compiles guard.c when that is not done yet or it has changed: by `npm ci`, before `npm start`, and while an image is built.
 * Prints one line. Without a compiler there is no guard: the gateway runs all the same, and says so when it starts.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { builtGuard, guardSource, machines, sourceHash, type GuardMachine } from './built-guard.ts'

const flags = [
  ...'-Os -std=gnu17 -ffreestanding -fno-builtin -fno-stack-protector -fomit-frame-pointer -mgeneral-regs-only'.split(
    ' ',
  ),
  ...'-fno-asynchronous-unwind-tables -fno-pic -fno-pie -Wall -Wextra -nostdlib -static -no-pie'.split(' '),
  ...'-Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-s'.split(' '),
  `-Wl,-T,${join(import.meta.dirname, 'guard.ld')}`,
]
const ownFlags: Record<GuardMachine, readonly string[]> = { x86_64: ['-fcf-protection=none'], aarch64: [] }
const ownMachine = process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : undefined

/** The machine's own compiler, or Debian's cross compiler for another one. */
function compilersFor(machine: GuardMachine): string[] {
  return [...(machine === ownMachine ? ['gcc', 'cc'] : []), `${machine}-linux-gnu-gcc`]
}

/** Undefined when none of the compilers is there; throws with a compiler's words when one fails. */
function compile(machine: GuardMachine, into: string): Buffer | undefined {
  const path = join(into, machine)
  for (const compiler of compilersFor(machine)) {
    try {
      execFileSync(compiler, [...flags, ...ownFlags[machine], '-o', path, guardSource], {
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: 60_000,
      })
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') continue
      throw cause
    }
    const file = readFileSync(path)
    // The table of sections, at the end, is for linkers alone (ELF-64: e_shoff).
    return file.subarray(0, Number(file.readBigUInt64LE(40)))
  }
  return undefined
}

/** Says what it did. Throws when a compiler is there and can't compile it. */
function buildIfStale(): string {
  const { folder, stamp } = builtGuard
  if (!existsSync(guardSource)) return 'Guard: as shipped.'
  const hash = sourceHash()
  const missing = machines.filter((machine) => !existsSync(builtGuard.pathOf(machine)))
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === hash
  if (fresh && !missing.some((machine) => machine === ownMachine)) return 'Guard: up to date.'
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'work-'))
  try {
    const built = machines.filter((machine) => {
      const binary = compile(machine, work)
      rmSync(builtGuard.pathOf(machine), { force: true })
      if (binary === undefined) return false
      const part = join(work, `${machine}.part`)
      writeFileSync(part, binary)
      renameSync(part, builtGuard.pathOf(machine))
      return true
    })
    writeFileSync(stamp, hash)
    if (built.length === 0)
      return 'Guard: not built, because there is no gcc here; docs/docker.md says what is missing then.'
    return `Guard: built for ${built.join(', ')}.`
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

console.log(buildIfStale())
