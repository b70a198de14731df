/*
 * `npm test`: everything that this machine can test, and by name what it left out and why.
 *
 *   npm test                                 what the machine has
 *   npm test -- docker-pull stream           only the files whose path contains one of these
 *   HATCHWAY_TEST_BACKENDS=all npm test      a missing backend is an error
 *   HATCHWAY_TEST_BACKENDS=docker npm test   these, and an error when one is missing; the others are left out
 *
 * Which backends a file needs is in its name, see test/support/backends.ts and test/README.md.
 */
import { glob } from 'node:fs/promises'
import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { limitConcurrency } from '../server/drivers/shared/limit-concurrency.ts'
import { backends, neededBackends } from './support/backends.ts'
import { isClusterRunning, isClusterUsed, stopCluster } from './support/cluster.ts'
import {
  isOwnEngineRunning,
  refusesPrivileged,
  startOwnEngine,
  stopOwnEngine,
  type TestEngine,
  testEngines,
} from './support/engine.ts'
import { ensureImages, imageNames } from './support/images.ts'
import { joinRuns, type NamedRun, type Run, type TestEvent } from './support/join-runs.ts'
import { type Ground, type Lane, lanesOf } from './support/lanes.ts'
import { buildWebApp } from './support/web-app.ts'

interface Found {
  name: string
  what: string
  /** What there is; absent when it is missing or not chosen. */
  there?: string
  /** Why it is left out. */
  why?: string
  missing: boolean
}

// Hundreds of gateways start: what they are compiled to is kept, and half of each start saved.
process.env['NODE_COMPILE_CACHE'] ??= join(
  process.env['HATCHWAY_TEST_CACHE'] ?? join(homedir(), '.cache', 'hatchway-test'),
  'compiled',
)

const files = await findFiles(process.argv.slice(2))
const needs = new Map(files.map((file) => [file, neededBackends(file)]))
const newestWasRunning = await isOwnEngineRunning('newest')
const clusterWasRunning = await isClusterRunning()
const found = await findBackends(new Set([...needs.values()].flat()))
const left = new Set(found.filter((each) => each.there === undefined).map((each) => each.name))
const isLeftOut = (file: string) => (needs.get(file) ?? []).some((name) => left.has(name))
const chosen = files.filter((file) => !isLeftOut(file))

printTable()
try {
  process.exitCode = refusal() ?? (await runAll())
} finally {
  await leaveNewestAsFound()
  await leaveClusterAsFound()
}

async function findFiles(filters: readonly string[]): Promise<string[]> {
  const all: string[] = []
  for await (const file of glob('test/{unit,contract,service,security,e2e}/**/*.test.ts')) all.push(file)
  const wanted =
    filters.length === 0 ? all : all.filter((file) => filters.some((filter) => file.includes(filter)))
  return wanted.toSorted()
}

/** Looks for the backends that the chosen files need; the newest engine joins wherever the first one is needed. */
async function findBackends(needed: ReadonlySet<string>): Promise<Found[]> {
  const asked = process.env['HATCHWAY_TEST_BACKENDS'] ?? ''
  const names = asked === '' || asked === 'all' ? undefined : asked.split(',')
  const unknown = names?.find((name) => !backends.some((backend) => backend.name === name))
  if (unknown !== undefined) throw new Error(`HATCHWAY_TEST_BACKENDS names ${unknown}, which is no backend`)
  const wanted = backends.filter(
    ({ name }) => needed.has(name) || (name === 'newest' && needed.has('docker')),
  )
  const result: Found[] = []
  for (const backend of wanted) {
    const { name, what } = backend
    if (names && !names.includes(name)) {
      result.push({ name, what, why: 'not chosen by HATCHWAY_TEST_BACKENDS', missing: false })
      continue
    }
    try {
      result.push({ name, what, there: await backend.find(), missing: false })
    } catch (cause) {
      result.push({
        name,
        what,
        why: cause instanceof Error ? cause.message : String(cause),
        missing: asked !== '',
      })
    }
  }
  return result
}

function printTable(): void {
  console.log(`Running ${chosen.length} of ${files.length} test files.`)
  for (const { name, what, there, why } of found) {
    console.log(
      `  ${name.padEnd(10)} ${there === undefined ? `LEFT OUT: ${what}: ${why}` : `${what}: ${there}`}`,
    )
  }
  for (const file of files.filter(isLeftOut)) {
    console.log(
      `  left out   ${file} (${needs
        .get(file)
        ?.filter((name) => left.has(name))
        .join(', ')})`,
    )
  }
  if (left.has('newest')) console.log('  left out   the newest engine in every file that runs on several')
  console.log('')
}

/** The exit code when nothing should be run at all. */
function refusal(): number | undefined {
  const missing = found.filter((each) => each.missing).map((each) => each.name)
  if (missing.length > 0) {
    console.error(
      `HATCHWAY_TEST_BACKENDS asks for ${missing.join(', ')}, which this machine lacks. Nothing was run.`,
    )
    return 1
  }
  if (chosen.length > 0) return undefined
  console.error('No test file is left to run.')
  return 1
}

/** Not a backend: it is the machine that takes a capability away from its engine, and no package brings it back. */
async function findPrivilegedEngines(engines: readonly TestEngine[]): Promise<string[]> {
  const able: string[] = []
  for (const engine of engines) {
    const why = await refusesPrivileged(engine)
    if (why === undefined) able.push(engine.name)
    else console.log(`  left out   privileged containers on the ${engine.name} engine, which says: ${why}\n`)
  }
  process.env['HATCHWAY_TEST_PRIVILEGED_ENGINES'] = able.join(',')
  return able
}

async function runAll(): Promise<number> {
  const lanes = lanesOf(chosen, await prepareGround())
  const execArgv = ['--import', new URL('support/end-when-done.ts', import.meta.url).href]
  const start = ({ files, concurrency, engine }: Lane) => {
    // Read by test/support/engine.ts in each file's own process.
    const env = { ...process.env, ...(engine !== undefined && { HATCHWAY_TEST_ENGINES: engine }) }
    const options = { files, concurrency, env, execArgv, timeout: 600_000 }
    return run(options)
  }
  let failed = false
  const watch = (event: TestEvent) => {
    failed ||= event.type === 'test:fail' && event.data.todo === undefined
  }
  const runs = startInTurn(lanes, start)
  const shown = new PassThrough().on('data', (text) => process.stdout.write(text))
  await pipeline(Readable.from(joinRuns(runs, watch)), new spec(), shown)
  return failed ? 1 : 0
}

/** What several files at once would make at once: images, the web app. And what a run's lanes depend on. */
async function prepareGround(): Promise<Ground> {
  const uses = (name: string) => chosen.some((file) => needs.get(file)?.includes(name))
  if (uses('browser')) await buildWebApp()
  const cores = availableParallelism()
  if (!uses('docker')) return { engines: [], privileged: [], cores }
  process.env['HATCHWAY_TEST_ENGINES'] = left.has('newest') ? 'oldest' : 'oldest,newest'
  const engines = await testEngines()
  await Promise.all(engines.map(({ docker }) => ensureImages(docker, ...imageNames)))
  const able = chosen.some((file) => file.includes('docker-privileged'))
    ? await findPrivilegedEngines(engines)
    : []
  return { engines: engines.map(({ name }) => name), privileged: able, cores }
}

/** One stage after the other, and in each of them as many lanes at once as there are cores: more would run into each other's deadlines. */
function startInTurn(lanes: readonly Lane[], start: (lane: Lane) => Run): NamedRun[] {
  const runs: NamedRun[] = []
  let before: Promise<unknown> = Promise.resolve()
  for (const stage of ['unit', 'alone', 'beside'] as const) {
    const turns = limitConcurrency(availableParallelism())
    const over: Promise<unknown>[] = []
    for (const lane of lanes.filter((each) => each.stage === stage)) {
      const { promise: events, resolve } = Promise.withResolvers<Run>()
      over.push(
        before.then(() =>
          turns(async () => {
            const run = start(lane)
            resolve(run)
            await ended(run)
          }),
        ),
      )
      runs.push({ name: lane.name, events })
    }
    before = Promise.all(over)
  }
  return runs
}

async function ended(events: Run): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  events.on('test:summary', ({ file }) => {
    if (file === undefined) resolve()
  })
  await promise
}

/** Another run may have begun to use the engine that this one started. */
async function leaveNewestAsFound(): Promise<void> {
  if (newestWasRunning || !(await isOwnEngineRunning('newest'))) return
  const { docker } = await startOwnEngine('newest')
  if ((await docker.listContainers()).length === 0) await stopOwnEngine('newest')
}

async function leaveClusterAsFound(): Promise<void> {
  if (clusterWasRunning || !(await isClusterRunning()) || (await isClusterUsed())) return
  await stopCluster()
}
