import { z } from 'zod'
import { HatchwayError } from '../core/errors.ts'
import type { TargetDriver } from '../core/driver.ts'
import { environment } from '../protocol/api.ts'
import type { Environment } from '../protocol/api.ts'
import { callerSignal } from './caller-signal.ts'
import { within } from '../core/deadline.ts'
import type { AppDeps } from './deps.ts'
import { problems } from './openapi.ts'
import type { TypedApp } from './typed-app.ts'

const checkMs = 3_000

export function registerEnvironmentRoutes(app: TypedApp, deps: AppDeps): void {
  app.get(
    '/api/v1/environments',
    {
      schema: {
        operationId: 'listEnvironments',
        summary: 'Docker hosts and clusters, and which of them answer',
        response: { 200: z.object({ items: z.array(environment) }), ...problems(401, 403, 429) },
      },
    },
    async (request) => ({
      items: await Promise.all(
        [...deps.drivers.values()].map((driver) => describe(driver, callerSignal(request))),
      ),
    }),
  )
}

async function describe(driver: TargetDriver, parent: AbortSignal): Promise<Environment> {
  const { environment: id, kind } = driver
  try {
    await within(checkMs, `Environment ${id}`, parent, (signal) => driver.check(signal))
    const notices = driver.problems?.() ?? []
    return { id, kind, reachable: true, ...(notices.length === 0 ? {} : { notices }) }
  } catch (error) {
    if (!(error instanceof HatchwayError)) throw error
    return { id, kind, reachable: false, problem: error.message }
  }
}
