import { HatchwayError } from '../core/errors.ts'
import { personOf } from '../core/same-person.ts'
import { sample } from '../protocol/api.ts'
import { callerSignal } from './caller-signal.ts'
import { callerOf } from './authenticate.ts'
import { within } from '../core/deadline.ts'
import type { AppDeps } from './deps.ts'
import { problems } from './openapi.ts'
import { auditDenied, mayOpen } from '../gateway/permissions.ts'
import type { TypedApp } from './typed-app.ts'

const checkMs = 3_000
const startMs = 60_000

/** A first run without any container to debug: something shell-less to start with. */
export function registerSampleRoutes(app: TypedApp, deps: AppDeps): void {
  app.get(
    '/api/v1/sample',
    {
      schema: {
        operationId: 'getSample',
        summary: 'Whether a sample shell-less container can be offered',
        response: { 200: sample, ...problems(401, 403, 429) },
      },
    },
    async (request) => {
      const { who } = callerOf(request)
      const offered = deps.sample
      if (offered === undefined || !mayOpen(deps.policy(), who, offered.target)) return { available: false }
      try {
        const available = await within(checkMs, 'The engine', callerSignal(request), (signal) =>
          offered.available(signal),
        )
        return available ? { available, ref: offered.ref } : { available }
      } catch (error) {
        if (!(error instanceof HatchwayError)) throw error
        return { available: false }
      }
    },
  )

  app.post(
    '/api/v1/sample',
    {
      schema: {
        operationId: 'startSample',
        summary: 'Start the sample container, unless it runs already',
        response: {
          201: sample.describe('It runs: `ref` is its reference'),
          ...problems(401, 403, 404, 429, 502, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const offered = deps.sample
      if (offered === undefined)
        throw new HatchwayError('not_found', 'This gateway offers no sample container.')
      if (!mayOpen(deps.policy(), caller.who, offered.target)) {
        await auditDenied(deps.store, { caller, action: 'open', target: offered.ref })
        throw new HatchwayError('forbidden', 'Policy does not allow you to open the sample container.')
      }
      await deps.store.appendAudit({
        kind: 'sample-started',
        who: personOf(caller.who),
        from: caller.from,
        target: offered.ref,
      })
      await within(startMs, 'The engine', callerSignal(request), (signal) => offered.start(signal))
      reply.code(201)
      return { available: true, ref: offered.ref }
    },
  )
}
