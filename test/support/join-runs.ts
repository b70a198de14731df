import type { run } from 'node:test'

export type Run = ReturnType<typeof run>

/** One event of node's test runner. */
export type TestEvent = Awaited<ReturnType<AsyncIterator<Run>['next']>>['value']

/** A run of node's test runner, maybe one that has yet to begin. */
export interface NamedRun {
  name: string
  events: Run | Promise<Run>
}

const total = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/
/** How many of the slowest files are told. */
const slowest = 10

/**
 * Several runs of node's test runner, which go side by side, as one stream of events with one closing summary: how long each run
 * and the slowest files took, the counts of all, and what failed, once, at the very end. The runs are told one after the other.
 * `watch` sees each event first. Rejects when a run's stream breaks.
 */
export async function* joinRuns(
  runs: readonly NamedRun[],
  watch: (event: TestEvent) => void,
): AsyncGenerator<TestEvent> {
  const began = performance.now()
  const totals = new Map<string, number>()
  const took: string[] = []
  const files: { name: string; lane: string; ms: number }[] = []
  const summaries: TestEvent[] = []
  for (const { name: lane, events } of runs) {
    let count = 0
    for await (const event of (await events) as AsyncIterable<TestEvent>) {
      watch(event)
      const file = endOfFile(event)
      if (file !== undefined) {
        files.push({ ...file, lane })
        count++
      }
      const [, name, value] = isClosing(event) ? (total.exec(event.data.message) ?? []) : []
      if (name === 'duration_ms') took.push(`lane ${lane}: ${seconds(Number(value))}, ${count} files`)
      else if (name !== undefined) totals.set(name, (totals.get(name) ?? 0) + Number(value))
      else if (event.type === 'test:summary' && event.data.file === undefined) summaries.push(event)
      else yield event
    }
  }
  for (const line of took) yield diagnostic(line)
  for (const { name, lane, ms } of files.toSorted((a, b) => b.ms - a.ms).slice(0, slowest)) {
    yield diagnostic(`slow: ${seconds(ms)}, ${name.replace(/^.*\btest\//, '')} (${lane})`)
  }
  if (totals.size > 0) totals.set('duration_ms', Math.round(performance.now() - began))
  for (const [name, count] of totals) yield diagnostic(`${name} ${count}`)
  // The reporter lists all that failed at a summary without a file.
  yield* summaries.slice(-1)
}

/** A file is a test of its own to the runner, named after its path. */
function endOfFile({ type, data }: TestEvent): { name: string; ms: number } | undefined {
  if (type !== 'test:complete' || data.nesting > 0 || data.file?.endsWith(data.name) !== true)
    return undefined
  return { name: data.name, ms: data.details.duration_ms }
}

// The runner's own totals come without a file; a test's diagnostics come with one.
function isClosing({ type, data }: TestEvent): boolean {
  return type === 'test:diagnostic' && data.nesting === 0 && data.file === undefined
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function diagnostic(message: string): TestEvent {
  return { type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } } as TestEvent
}
