import { z } from 'zod'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import type { Target, TargetDriver } from '../core/target.ts'
import { targetDetail, targetList, targetQuery } from '../protocol/api.ts'
import type { Target as ApiTarget, TargetDetail } from '../protocol/api.ts'
import { callerSignal } from './caller-signal.ts'
import { callerOf } from './authenticate.ts'
import { within } from './deadline.ts'
import { defined } from './defined.ts'
import type { AppDeps } from './deps.ts'
import { driverMs, findTarget, visible } from './find-target.ts'
import { problems } from './openapi.ts'
import { decideOpenWithReason, mayOpen, policyTargetOf, refOf } from './permissions.ts'
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
        drivers.map((driver) => listOne(driver, namespace, callerSignal(request))),
      )
      const targets = answers
        .flatMap((answer) => answer.targets)
        .filter((target) => target.ownSession === undefined && visible(deps, who, target))
        .filter((target) => filters.every((fits) => fits(target)))
      return {
        items: targets.map((target) => describe(deps, who, target)),
        problems: answers.flatMap((answer) => answer.problem ?? []),
      }
    },
  )

  app.get(
    '/api/v1/targets/*',
    {
      schema: {
        operationId: 'getTarget',
        summary: 'One target, and what a session in it may be',
        params: z.object({ '*': z.string().max(600).describe('a target reference, with its slashes') }),
        response: { 200: targetDetail, ...problems(400, 401, 403, 404, 409, 429, 503, 504) },
      },
    },
    async (request) => {
      const { who } = callerOf(request)
      const { target, driver } = await findTarget(deps, who, request.params['*'], callerSignal(request))
      return {
        ...describe(deps, who, target),
        ...(await describeOptions(deps, who, target, driver, callerSignal(request))),
      }
    },
  )
}

async function listOne(
  driver: TargetDriver,
  namespace: string | undefined,
  parent: AbortSignal,
): Promise<{ targets: Target[]; problem?: { environment: string; detail: string } }> {
  const { environment } = driver
  // Docker has no namespaces: whoever asks for one does not mean Docker.
  if (driver.kind === 'docker' && namespace !== undefined) return { targets: [] }
  const query = defined({ namespace })
  try {
    const what = `Environment ${environment}`
    return { targets: await within(listMs, what, parent, (signal) => driver.list(query, signal)) }
  } catch (error) {
    if (!(error instanceof HatchwayError)) throw error
    return { targets: [], problem: { environment, detail: messageOf(error) } }
  }
}

function describe(deps: AppDeps, who: Principal, target: Target): ApiTarget {
  const { id, ref, name, image, state, status, user, hasShell, node } = target
  return defined({
    ref: refOf(target),
    id,
    environment: ref.environment,
    kind: ref.kind,
    namespace: ref.kind === 'kubernetes' ? ref.namespace : undefined,
    name,
    image,
    state,
    status,
    createdAt: target.createdAt.toISOString(),
    startedAt: target.startedAt?.toISOString(),
    labels: { ...target.labels },
    user,
    hasShell,
    ports: [...target.ports],
    node,
    warnings: [...target.warnings],
    canOpen: mayOpen(deps.policy(), who, policyTargetOf(target)),
  })
}

async function describeOptions(
  deps: AppDeps,
  who: Principal,
  target: Target,
  driver: TargetDriver,
  signal: AbortSignal,
): Promise<Pick<TargetDetail, 'options' | 'denied'>> {
  const decision = decideOpenWithReason(deps.policy(), who, policyTargetOf(target))
  if (decision.effect === 'deny') return { denied: decision.explanation }
  const { grant, rules } = decision
  const toolboxes = deps.toolboxes.filter(({ name }) => grant.toolboxes?.includes(name) ?? true)
  const profiles = grant.profiles.map(async (name) => {
    try {
      const what = `Environment ${driver.environment}`
      const identity = await within(driverMs, what, signal, (signal) => driver.identify(target, name, signal))
      return {
        name,
        identity: { ...identity, groups: [...identity.groups], capabilities: [...identity.capabilities] },
      }
    } catch (error) {
      if (!(error instanceof HatchwayError)) throw error
      return { name, problem: error.message }
    }
  })
  return {
    options: {
      toolboxes: toolboxes.map(({ name, image }) => ({ name, image })),
      profiles: await Promise.all(profiles),
      requireReason: grant.requireReason,
      requireApproval: false,
      maxDurationSeconds: Math.floor(grant.maxDurationMs / 1000),
      idleTimeoutSeconds: Math.floor(grant.idleTimeoutMs / 1000),
      recordInput: grant.recordInput,
      rules: [...rules],
    },
  }
}
