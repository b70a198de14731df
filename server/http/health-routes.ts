import { z } from 'zod'
import { HatchwayError, messageOf } from '../core/errors.ts'
import { within } from '../core/deadline.ts'
import type { FastifyBaseLogger } from 'fastify'
import type { Metrics } from './metrics.ts'
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
        code: z.string().optional().describe('of the problem; the log has the rest'),
      }),
    ),
  })
  .describe('Ready when every required part is')
type Readiness = z.infer<typeof readiness>

/** Something that the gateway stands on. */
export interface Part {
  name: string
  /** Whether the gateway is of no use without it. */
  required: boolean
  /** Rejects with why not. */
  check: (signal: AbortSignal) => Promise<void>
}

export interface HealthRoutesDeps {
  parts: readonly Part[]
  version: string
  logger: Pick<FastifyBaseLogger, 'info' | 'warn'>
  metrics: Pick<Metrics, 'contentType' | 'text'>
  /** Bearer token for `/metrics`; absent: loopback callers only. */
  metricsToken?: string | undefined
}

export function registerHealthRoutes(app: TypedApp, deps: HealthRoutesDeps): void {
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

  const tell = tellChanges(deps.logger)
  const check = reusing(() => checkAll(deps, tell))
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

async function checkAll({ parts, version }: HealthRoutesDeps, tell: Tell): Promise<Readiness> {
  const checked = await Promise.all(parts.map((part) => checkPart(part, tell)))
  return {
    ready: checked.every(({ ok, required }) => ok || !required),
    version,
    parts: checked,
  }
}

async function checkPart({ name, required, check }: Part, tell: Tell): Promise<Readiness['parts'][number]> {
  const never = new AbortController().signal
  try {
    await within(checkMs, name, never, check)
    tell(name)
    return { name, ok: true, required }
  } catch (error) {
    tell(name, error)
    return { name, ok: false, required, ...toldToStrangers(error) }
  }
}

/** Probes carry no credentials: words that may hold paths, addresses and sizes are for the log. */
function toldToStrangers(error: unknown): { problem: string; code?: string } {
  if (!(error instanceof HatchwayError)) return { problem: 'failed; see the log' }
  const { code, title } = error
  return { problem: code === 'timeout' ? 'It did not answer in time' : title, code }
}

/** Notes how a part is; an error when it is not well. */
type Tell = (part: string, error?: unknown) => void

/** To the log, when a part begins to fail, fails otherwise, or is well again: it is looked at every few seconds. */
function tellChanges(logger: HealthRoutesDeps['logger']): Tell {
  const failing = new Map<string, string>()
  return (part, error) => {
    if (error === undefined) {
      if (failing.delete(part)) logger.info({ part }, `${part} is ready again`)
      return
    }
    const kind = error instanceof HatchwayError ? error.code : messageOf(error)
    if (failing.get(part) === kind) return
    failing.set(part, kind)
    logger.warn({ part, err: error }, `${part} is not ready: ${messageOf(error)}`)
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
