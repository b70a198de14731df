import { isAlone, neededBackends } from './backends.ts'

/** Files that share nothing with those of another lane, and at most `concurrency` of them at once. */
export interface Lane {
  name: string
  files: readonly string[]
  concurrency: number
  /** Lanes go after all of the stage before theirs: `alone` before those whose ground it would disturb. */
  stage: 'unit' | 'alone' | 'beside'
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

/** The longest first, so that the last ones end together. */
const order = [
  'unit',
  'alone in the cluster',
  'alone on the engine',
  'docker',
  'browser',
  'cluster',
  'none',
  'newest',
  'oldest',
]

/**
 * Spreads test files over lanes that share nothing that a test could disturb for another: each file goes to one lane, and a
 * contract of Docker to one lane for each engine. Unit tests have a lane with as many at once as there are cores. In the order in
 * which they are to begin; lanes without files are left out.
 */
export function lanesOf(files: readonly string[], { engines, privileged, cores }: Ground): Lane[] {
  const byName = new Map<string, string[]>()
  for (const file of files.toSorted()) {
    for (const name of laneNames(file, engines, privileged))
      byName.set(name, [...(byName.get(name) ?? []), file])
  }
  const place = ([name]: [string, unknown]) => order.indexOf(name)
  return [...byName]
    .toSorted((one, other) => place(one) - place(other))
    .map(([name, these]) => ({
      name,
      files: these,
      concurrency: name === 'unit' ? cores : 1,
      stage: name === 'unit' ? 'unit' : name.startsWith('alone') ? 'alone' : 'beside',
      ...(engines.includes(name) && { engine: name }),
    }))
}

function laneNames(file: string, engines: readonly string[], privileged: readonly string[]): string[] {
  if (file.includes('test/unit/')) return ['unit']
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
