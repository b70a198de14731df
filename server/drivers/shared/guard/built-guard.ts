import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Machines that the guard can be compiled for, as `uname -m` names them. */
export const machines = ['x86_64', 'aarch64'] as const
export type GuardMachine = (typeof machines)[number]

export const guardSource = join(import.meta.dirname, 'guard.c')

const folder = join(import.meta.dirname, 'built')

/** Where build-if-stale.ts leaves what it made, and the hash of what it was made of. */
export const builtGuard = {
  folder,
  stamp: join(folder, 'source.sha256'),
  pathOf: (machine: GuardMachine) => join(folder, machine),
}

/** SHA-256 of all that the guard is made of. */
export function sourceHash(): string {
  const hash = createHash('sha256').update(readFileSync(guardSource))
  return hash.update(readFileSync(join(import.meta.dirname, 'guard.ld'))).digest('hex')
}

const read = new Map<GuardMachine, Buffer | undefined>()

/** The guard, an ELF file of some 2 kB that needs nothing beside it; undefined where it was not built. Read once. */
export function readGuard(machine: GuardMachine): Buffer | undefined {
  if (!read.has(machine)) {
    const path = builtGuard.pathOf(machine)
    read.set(machine, existsSync(path) ? readFileSync(path) : undefined)
  }
  return read.get(machine)
}
