import { z } from 'zod'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { TargetCases } from '../gateway/targets.ts'
import { targetDetail, targetDetailQuery, targetList, targetQuery } from '../protocol/target-api.ts'
import { toApiTarget, toApiTargetDetail } from './api-target.ts'
import { callerOf } from './authenticate.ts'
import { callerSignal } from './caller-signal.ts'
import { problems } from './openapi.ts'
import type { TypedApp } from './typed-app.ts'

export function registerTargetRoutes(app: TypedApp, targets: TargetCases): void {
  app.get(
    '/api/v1/targets',
    {
      schema: {
        operationId: 'listTargets',
        summary: 'What the caller may see',
        querystring: targetQuery,
        response: { 200: targetList, ...problems(400, 401, 403, 429) },
      },
    },
    async (request) => {
      const { kind, state, ...rest } = request.query
      const input = { ...rest, kinds: kind?.split(','), states: state?.split(',') }
      const { items, ...page } = await targets.list(callerOf(request), input, callerSignal(request))
      return { ...page, items: items.map(toApiTarget) }
    },
  )

  app.get(
    '/api/v1/targets/*',
    {
      schema: {
        operationId: 'getTarget',
        summary: 'One target, and what a session in it may be',
        params: z.object({ '*': z.string().max(600).describe('a target reference, with its slashes') }),
        querystring: targetDetailQuery,
        response: { 200: targetDetail, ...problems(400, 401, 403, 404, 409, 429, 503, 504) },
      },
    },
    async (request) => {
      const { pick, scope, process } = request.query
      const asked = { lookup: withoutUndefined({ pick }), wanted: withoutUndefined({ scope, process }) }
      const ref = request.params['*']
      return toApiTargetDetail(await targets.get(callerOf(request), ref, asked, callerSignal(request)))
    },
  )
}
