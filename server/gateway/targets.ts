/** What callers may see of the targets. */
import { policyTargetOf } from '../core/session-policy.ts'
import type { Principal } from '../core/policy.ts'
import { type Lookup, type Target } from '../core/target.ts'
import { targetStates } from '../core/vocabulary.ts'
import { type IdentityWish } from '../core/identity.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { TargetList, TargetSort } from '../protocol/target-api.ts'
import type { Caller } from './caller.ts'
import { findTarget, type FindTargetDeps } from './find-target.ts'
import { knownWords } from './known-words.ts'
import { countNamespaces, listEnvironment, selectTargets } from './list-targets.ts'
import { pageTargets } from './page-targets.ts'
import { mayOpen } from './permissions.ts'
import { matchKinds, matchSelector, matchWords } from './select-targets.ts'
import {
  canJoin,
  optionsFor,
  visibleChoice,
  visibleWorkloads,
  type TargetOptions,
  type TargetOptionsDeps,
} from './target-options.ts'
import { VisibleTargets } from './visible-targets.ts'

export interface TargetListInput {
  environment?: string | undefined
  namespace?: string | undefined
  /** Words to look for. */
  q?: string | undefined
  /** As in Kubernetes. */
  selector?: string | undefined
  /** Unchecked words. */
  kinds?: readonly string[] | undefined
  states?: readonly string[] | undefined
  limit: number
  cursor?: string | undefined
  sort?: TargetSort | undefined
}

/** A target as one caller may see it. */
export interface TargetView {
  target: Target
  /** Policy lets them open a session in it, and it runs. */
  canOpen: boolean
}

export interface TargetPage extends Omit<TargetList, 'items' | 'next'> {
  items: TargetView[]
  next?: string
}

export interface TargetDetailView extends TargetView {
  /** In a cluster: what it is part of, as far as the caller may know of it. */
  workloads: string[] | undefined
  choice: NonNullable<Target['cluster']>['choice']
  /** What a session in it may be, or why there can be none. */
  opening: { options: TargetOptions } | { denied: string }
}

export interface TargetCases {
  /** A page of those that the caller may know of; an environment that does not answer is named in `problems`. */
  list(caller: Caller, input: TargetListInput, signal: AbortSignal): Promise<TargetPage>
  /** Throws `target_not_found`, also for one that they may not know of. `wanted`: what the identities are told for. */
  get(
    caller: Caller,
    ref: string,
    asked: { lookup: Lookup; wanted: IdentityWish },
    signal: AbortSignal,
  ): Promise<TargetDetailView>
}

export function createTargetCases(deps: FindTargetDeps & TargetOptionsDeps): TargetCases {
  const visible = new VisibleTargets(deps)
  const view = (who: Principal, target: Target): TargetView => ({
    target,
    canOpen: canJoin(target) && mayOpen(deps.policy(), who, policyTargetOf(target)),
  })
  return {
    async list({ who }, { environment, namespace, q, selector, kinds, states, ...page }, signal) {
      const selection = withoutUndefined({
        namespace,
        filters: [
          matchWords(q ?? ''),
          ...(selector === undefined ? [] : [matchSelector(selector)]),
          ...(kinds === undefined ? [] : [matchKinds(kinds)]),
        ],
        collapse: kinds === undefined,
        states: states && knownWords('state', states, targetStates),
      })
      const drivers = [...deps.drivers.values()].filter(
        (driver) => environment === undefined || driver.environment === environment,
      )
      const answers = await Promise.all(drivers.map((driver) => listEnvironment(driver, who, signal)))
      const seen = answers.flatMap(({ targets }) => visible.among(who, targets))
      const selected = selectTargets(seen, selection)
      const { items, next } = pageTargets(selected.selected, [...deps.drivers.keys()], withoutUndefined(page))
      return withoutUndefined({
        items: items.map((target) => view(who, target)),
        next,
        total: selected.selected.length,
        states: selected.states,
        namespaces: countNamespaces(seen),
        problems: answers.flatMap(({ problem }) => problem ?? []),
      })
    },
    async get({ who }, ref, { lookup, wanted }, signal) {
      const found = await findTarget(deps, who, ref, lookup, signal)
      const { target } = found
      return {
        ...view(who, target),
        workloads: visibleWorkloads(deps, who, target),
        choice: visibleChoice(deps, who, target),
        opening: await optionsFor(deps, who, found, wanted, signal),
      }
    },
  }
}
