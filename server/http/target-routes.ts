import { z } from 'zod'
import { targetStates } from '../core/target.ts'
import { targetDetail, targetDetailQuery, targetList, targetQuery } from '../protocol/target-api.ts'
import { callerSignal } from './caller-signal.ts'
import { callerOf } from './authenticate.ts'
import { defined } from '../core/without-undefined.ts'
import {
  describeChoice,
  describeOptions,
  describeTarget,
  describeWorkloads,
} from '../gateway/target-options.ts'
import type { AppDeps } from './deps.ts'
import { findTarget } from '../gateway/find-target.ts'
import { countNamespaces, listEnvironment, selectTargets } from '../gateway/list-targets.ts'
import { problems } from './openapi.ts'
import { pageTargets } from '../gateway/page-targets.ts'
import { readList } from './read-list.ts'
import { matchKinds, matchSelector, matchWords } from '../gateway/select-targets.ts'
import type { TypedApp } from './typed-app.ts'
import { VisibleTargets } from '../gateway/visible-targets.ts'

export function registerTargetRoutes(app: TypedApp, deps: AppDeps): void {
  const visible = new VisibleTargets(deps)
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
      const { environment, namespace, q, selector, kind, state, limit, cursor, sort } = request.query
      const selection = defined({
        namespace,
        filters: [
          matchWords(q ?? ''),
          ...(selector === undefined ? [] : [matchSelector(selector)]),
          ...(kind === undefined ? [] : [matchKinds(kind)]),
        ],
        collapse: kind === undefined,
        states: state === undefined ? undefined : readList('state', state, targetStates),
      })
      const drivers = [...deps.drivers.values()].filter(
        (driver) => environment === undefined || driver.environment === environment,
      )
      const answers = await Promise.all(
        drivers.map((driver) => listEnvironment(driver, who, callerSignal(request))),
      )
      const seen = answers.flatMap(({ targets }) => visible.among(who, targets))
      const { selected, states } = selectTargets(seen, selection)
      const { items, next } = pageTargets(
        selected,
        [...deps.drivers.keys()],
        defined({ limit, cursor, sort }),
      )
      return defined({
        items: items.map((target) => describeTarget(deps, who, target)),
        next,
        total: selected.length,
        states,
        namespaces: countNamespaces(seen),
        problems: answers.flatMap(({ problem }) => problem ?? []),
      })
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
        ...describeWorkloads(deps, who, target),
        ...describeChoice(deps, who, target),
        ...(await describeOptions(
          deps,
          who,
          target,
          { driver, wish: defined({ scope: request.query.scope, process: request.query.process }) },
          callerSignal(request),
        )),
      }
    },
  )
}
