import { z } from 'zod'
import { HatchwayError, messageOf } from '../core/errors.ts'
import { within } from './deadline.ts'
import type { AppDeps } from './deps.ts'
import { checkMetricsAccess } from './metrics-access.ts'
import type { TypedApp } from './typed-app.ts'

const checkMs = 3_000
/** One look at the backends serves everyone who asks within this time: probes carry no credentials. */
const reuseMs = 1_000

const readiness = z
  .object({
    ready: z.boolean(),
    version: z.string(),
    parts: z.array(
      z.object({
        name: z.string(),
        ok: z.boolean(),
        required: z.boolean().describe('whether the gateway is of no use without it'),
        problem: z.string().optional(),
      }),
    ),
  })
  .describe('Ready when every required part is')
type Readiness = z.infer<typeof readiness>

interface Part {
  name: string
  required: boolean
  check: (signal: AbortSignal) => Promise<void>
}

export function registerHealthRoutes(app: TypedApp, deps: AppDeps): void {
  app.get(
    '/livez',
    {
      config: { access: 'probe' },
      schema: {
        operationId: 'live',
        summary: 'The process answers',
        security: [],
        response: { 200: z.object({ live: z.boolean() }) },
      },
    },
    async () => ({ live: true }),
  )

  const check = reusing(() => checkAll(deps))
  app.get(
    '/readyz',
    {
      config: { access: 'probe' },
      schema: {
        operationId: 'ready',
        summary: 'Ready to serve, and what is wrong',
        security: [],
        response: { 200: readiness, 503: readiness },
      },
    },
    async (_request, reply) => {
      const result = await check()
      return reply
        .code(result.ready ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(result)
    },
  )

  app.get(
    '/metrics',
    {
      config: { access: 'probe' },
      schema: {
        operationId: 'metrics',
        summary: 'Prometheus text format',
        security: [],
        response: { 200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } } },
      },
    },
    async (request, reply) => {
      checkMetricsAccess(request, deps.metricsToken)
      reply.type(deps.metrics.contentType).header('cache-control', 'no-store')
      return await deps.metrics.text()
    },
  )
}

// An engine that is down takes away its targets, not the recordings, the audit log and the other engines.
async function checkAll(deps: AppDeps): Promise<Readiness> {
  const parts: Part[] = [
    { name: 'store', required: true, check: () => deps.store.check() },
    {
      name: 'recordings',
      required: true,
      check: async () => {
        await deps.recordings.check()
        await deps.blobs.check()
      },
    },
    ...[...deps.drivers.values()].map((driver) => ({
      name: `environment ${driver.environment}`,
      required: false,
      check: (signal: AbortSignal) => driver.check(signal),
    })),
  ]
  const checked = await Promise.all(parts.map((part) => checkPart(part)))
  return {
    ready: checked.every(({ ok, required }) => ok || !required),
    version: deps.version,
    parts: checked,
  }
}

async function checkPart({ name, required, check }: Part): Promise<Readiness['parts'][number]> {
  const never = new AbortController().signal
  try {
    await within(checkMs, name, never, check)
    return { name, ok: true, required }
  } catch (error) {
    // Words of anything else may hold paths and addresses; they are for the log.
    const problem = error instanceof HatchwayError ? messageOf(error) : 'failed; see the log'
    return { name, ok: false, required, problem }
  }
}

function reusing<T>(work: () => Promise<T>): () => Promise<T> {
  let last: { at: number; result: Promise<T> } | undefined
  return () => {
    if (last === undefined || performance.now() - last.at > reuseMs) {
      last = { at: performance.now(), result: work() }
    }
    return last.result
  }
}
