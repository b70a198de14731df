import type { run } from 'node:test'

/** One event of node's test runner. */
export type TestEvent = Awaited<ReturnType<AsyncIterator<ReturnType<typeof run>>['next']>>['value']

const total = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/

/**
 * Several runs of node's test runner as one stream of events with one closing summary. Stages follow each other; the runs
 * of a stage go side by side, and are told one after the other. `watch` sees each event first. Rejects when a run's stream breaks.
 * The reporter lists all that failed at a summary without a file, so that is told once, at the very end.
 */
export async function* joinRuns(
  stages: readonly (readonly (() => ReturnType<typeof run>)[])[],
  watch: (event: TestEvent) => void,
): AsyncGenerator<TestEvent> {
  const began = performance.now()
  const totals = new Map<string, number>()
  const summaries: TestEvent[] = []
  for (const stage of stages) {
    // All are started before the first is read: a run that nobody reads yet keeps its events.
    for (const events of stage.map((start) => start())) {
      for await (const event of events as AsyncIterable<TestEvent>) {
        watch(event)
        const [, name, count] = isClosing(event) ? (total.exec(event.data.message) ?? []) : []
        if (name !== undefined) totals.set(name, (totals.get(name) ?? 0) + Number(count))
        else if (event.type === 'test:summary' && event.data.file === undefined) summaries.push(event)
        else yield event
      }
    }
  }
  if (totals.size > 0) totals.set('duration_ms', Math.round(performance.now() - began))
  for (const [name, count] of totals) {
    yield {
      type: 'test:diagnostic',
      data: { nesting: 0, message: `${name} ${count}`, level: 'info' },
    } as TestEvent
  }
  yield* summaries.slice(-1)
}

// The runner's own totals come without a file; a test's diagnostics come with one.
function isClosing({ type, data }: TestEvent): boolean {
  return type === 'test:diagnostic' && data.nesting === 0 && data.file === undefined
}
