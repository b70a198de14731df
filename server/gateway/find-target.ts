import { HatchwayError } from '../core/errors.ts'
import type { Policy, Principal } from '../core/policy.ts'
import { policyTargetOf } from '../core/session-policy.ts'
import { parseTargetRef, type TargetRef } from '../core/target-ref.ts'
import type { TargetDriver } from '../core/driver.ts'
import type { Lookup, Target } from '../core/target.ts'
import { within } from '../core/deadline.ts'
import { mayKnow, targetNotFound } from './permissions.ts'

/** How long a container engine has to answer one question. */
export const driverMs = 10_000

export interface FindTargetDeps {
  /** By environment id. */
  drivers: ReadonlyMap<string, TargetDriver>
  /** The policy in force now: it is reloaded while the gateway runs. */
  policy: () => Policy
}

export interface FoundTarget {
  target: Target
  driver: TargetDriver
}

/**
 * Resolves a reference for a caller. Throws `target_not_found`, in the same words, for what does not exist, for an
 * unknown environment, for Hatchway's own containers and for what the caller may neither list nor open.
 */
export async function findTarget(
  deps: FindTargetDeps,
  who: Principal,
  text: string,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<FoundTarget> {
  const found = await resolveTarget(deps, who, text, lookup, signal)
  if (!visible(deps, who, found.target)) throw targetNotFound(text)
  return found
}

/** Like {@link findTarget}, before policy had its say: for callers that audit the refusal themselves. */
export async function resolveTarget(
  deps: FindTargetDeps,
  who: Principal,
  text: string,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<FoundTarget> {
  const ref = parseTargetRef(text)
  const driver = deps.drivers.get(ref.environment)
  if (driver === undefined || driver.kind !== ref.kind) throw targetNotFound(text)
  const target = await within(driverMs, `Environment ${ref.environment}`, signal, async (signal) => {
    try {
      return await driver.as(who).find(ref, lookup, signal)
    } catch (error) {
      if (!(error instanceof HatchwayError)) throw error
      if (error.code === 'target_ambiguous' && ref.kind === 'docker') {
        return await oneVisible(deps, who, driver, ref, signal)
      }
      if (error.code !== 'target_not_found' && error.code !== 'invalid_request') throw error
      if (ref.kind === 'kubernetes' && (await isVisiblePart(deps, who, driver, ref, lookup, signal)))
        throw error
      throw targetNotFound(text)
    }
  })
  // Opening a debug container would be a way into somebody else's session, past `watch`.
  if (target.ownSession !== undefined) throw targetNotFound(text)
  return { target, driver }
}

export function visible(deps: Pick<FindTargetDeps, 'policy'>, who: Principal, target: Target): boolean {
  return mayKnow(deps.policy(), who, policyTargetOf(target))
}

/**
 * Whether what was found wanting is only the container or the choice of a pod, in something that the caller may know of:
 * then the driver's own words, which name the containers, are for them.
 */
async function isVisiblePart(
  deps: Pick<FindTargetDeps, 'policy'>,
  who: Principal,
  driver: TargetDriver,
  { container, ...whole }: TargetRef & { kind: 'kubernetes' },
  { pick }: Lookup,
  signal: AbortSignal,
): Promise<boolean> {
  if (container === undefined && pick === undefined) return false
  const found = await driver
    .as(who)
    .find(whole, {}, signal)
    .catch((error: unknown) => {
      if (error instanceof HatchwayError) return undefined
      throw error
    })
  return found !== undefined && visible(deps, who, found)
}

// "Ambiguous" must not tell of containers that the caller may not know of.
async function oneVisible(
  deps: Pick<FindTargetDeps, 'policy'>,
  who: Principal,
  driver: TargetDriver,
  ref: TargetRef & { kind: 'docker' },
  signal: AbortSignal,
): Promise<Target> {
  const text = `${ref.environment}/${ref.container}`
  const all = await driver.as(who).list({}, signal)
  const fits = all.filter(
    (target) =>
      target.ownSession === undefined && target.id.startsWith(ref.container) && visible(deps, who, target),
  )
  const [only, second] = fits
  if (only === undefined) throw targetNotFound(text)
  if (second === undefined) return only
  const names = fits.map((target) => target.name).slice(0, 5)
  throw new HatchwayError(
    'target_ambiguous',
    `${JSON.stringify(text)} fits ${names.join(', ')}. Write more of it.`,
  )
}
