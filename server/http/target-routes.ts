import { z } from 'zod'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import type { Target, TargetDriver } from '../core/target.ts'
import { targetDetail, targetDetailQuery, targetList, targetQuery } from '../protocol/target-api.ts'
import { callerSignal } from './caller-signal.ts'
import { callerOf } from './authenticate.ts'
import { within } from './deadline.ts'
import { defined } from './defined.ts'
import { describeChoice, describeOptions, describeTarget } from './describe-target.ts'
import type { AppDeps } from './deps.ts'
import { findTarget, visible } from './find-target.ts'
import { problems } from './openapi.ts'
import { matchSelector, matchWords } from './select-targets.ts'
import type { TypedApp } from './typed-app.ts'

/** An engine that does not list in time is named in `problems`; the others are shown. */
const listMs = 5_000

export function registerTargetRoutes(app: TypedApp, deps: AppDeps): void {
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
      const { who } = callerOf(request)
      const { environment, namespace, q, selector } = request.query
      const filters = [matchWords(q ?? ''), ...(selector === undefined ? [] : [matchSelector(selector)])]
      const drivers = [...deps.drivers.values()].filter(
        (driver) => environment === undefined || driver.environment === environment,
      )
      const answers = await Promise.all(
        drivers.map((driver) => listOne(driver, who, namespace, callerSignal(request))),
      )
      const targets = answers
        .flatMap((answer) => answer.targets)
        .filter((target) => target.ownSession === undefined && visible(deps, who, target))
        .filter((target) => filters.every((fits) => fits(target)))
      return {
        total: targets.length,
        namespaces: [],
        items: targets.map((target) => describeTarget(deps, who, target)),
        problems: answers.flatMap((answer) => answer.problem ?? []),
      }
    },
  )
  registerOne(app, deps)
}

function registerOne(app: TypedApp, deps: AppDeps): void {
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
      const { who } = callerOf(request)
      const lookup = defined({ pick: request.query.pick })
      const { target, driver } = await findTarget(
        deps,
        who,
        request.params['*'],
        lookup,
        callerSignal(request),
      )
      return {
        ...describeTarget(deps, who, target),
        ...describeChoice(target.cluster),
        ...(await describeOptions(deps, who, target, driver, callerSignal(request))),
      }
    },
  )
}

async function listOne(
  driver: TargetDriver,
  who: Principal,
  namespace: string | undefined,
  parent: AbortSignal,
): Promise<{ targets: readonly Target[]; problem?: { environment: string; detail: string } }> {
  const { environment } = driver
  // Docker has no namespaces: whoever asks for one does not mean Docker.
  if (driver.kind === 'docker' && namespace !== undefined) return { targets: [] }
  const query = defined({ namespace })
  try {
    const what = `Environment ${environment}`
    return { targets: await within(listMs, what, parent, (signal) => driver.as(who).list(query, signal)) }
  } catch (error) {
    if (!(error instanceof HatchwayError)) throw error
    return { targets: [], problem: { environment, detail: messageOf(error) } }
  }
}
