import type { SampleCases } from '../gateway/sample.ts'
import { sample } from '../protocol/api.ts'
import { callerOf } from './authenticate.ts'
import { callerSignal } from './caller-signal.ts'
import { problems } from './openapi.ts'
import type { TypedApp } from './typed-app.ts'

/** A first run without any container to debug: something shell-less to start with. */
export function registerSampleRoutes(app: TypedApp, samples: SampleCases): void {
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
      const ref = await samples.offered(callerOf(request), callerSignal(request))
      return ref === undefined ? { available: false } : { available: true, ref }
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
      const ref = await samples.start(callerOf(request), callerSignal(request))
      reply.code(201)
      return { available: true, ref }
    },
  )
}
