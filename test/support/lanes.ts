import { isAlone, neededBackends } from './backends.ts'

/** Files that run beside those of every other lane, and at most `concurrency` of them at once. */
export interface Lane {
  name: string
  files: readonly string[]
  concurrency: number
  /** Runs before any lane that uses the same ground, which it would disturb. */
  isAlone: boolean
  /** The engine of HATCHWAY_TEST_ENGINES; every one that there is when absent. */
  engine?: string
}

export interface Ground {
  /** The engines that there are. */
  engines: readonly string[]
  /** Those of them that can start privileged containers. */
  privileged: readonly string[]
  cores: number
}

// Two at once where a file waits for its own session most of the time, one where files share an engine's whole attention.
const atOnce: Readonly<Record<string, number>> = { browser: 2, cluster: 2 }

/**
 * Spreads test files over lanes that share nothing that a test could disturb for another: each file goes to one lane, and a
 * contract of Docker to one lane for each engine. A file without a backend is in the lane `none`, with as many at once as there
 * are cores, unit tests first. Lanes without files are left out.
 */
export function lanesOf(files: readonly string[], { engines, privileged, cores }: Ground): Lane[] {
  const byName = new Map<string, string[]>()
  for (const file of files.toSorted(unitFirst)) {
    for (const name of laneNames(file, engines, privileged))
      byName.set(name, [...(byName.get(name) ?? []), file])
  }
  return [...byName].map(([name, these]) => ({
    name,
    files: these,
    concurrency: name === 'none' ? cores : (atOnce[name] ?? 1),
    isAlone: name.startsWith('alone'),
    ...(engines.includes(name) && { engine: name }),
  }))
}

function laneNames(file: string, engines: readonly string[], privileged: readonly string[]): string[] {
  const needs = new Set(neededBackends(file))
  if (isAlone(file)) return [needs.has('cluster') ? 'alone in the cluster' : 'alone on the engine']
  if (runsOnEachEngine(file)) return [...(file.includes('docker-privileged') ? privileged : engines)]
  if (needs.has('newest')) return ['newest']
  if (needs.has('browser')) return ['browser']
  if (needs.has('cluster')) return ['cluster']
  return [needs.has('docker') || needs.has('registry') ? 'docker' : 'none']
}

/** What in test/contract needs an engine and nothing else: it asks `testEngines()`, and is run once for each of them. */
export function runsOnEachEngine(file: string): boolean {
  return file.includes('test/contract/') && neededBackends(file).join() === 'docker'
}

function unitFirst(a: string, b: string): number {
  const isUnit = (file: string) => file.includes('test/unit/')
  return Number(isUnit(b)) - Number(isUnit(a)) || a.localeCompare(b)
}
