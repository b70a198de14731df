/** How a pod or a workload is, in few words and as a colour: what is not ready never looks as if it were. Pure. */
import type { Target } from '../../server/protocol/target-api.ts'
import type { Tone } from './tone.ts'
import { isFailing } from './target-filters.ts'

type Container = NonNullable<Target['containers']>[number]

export const stateTone: Record<Target['state'], Tone> = {
  running: 'ok',
  paused: 'warn',
  restarting: 'warn',
  created: 'neutral',
  exited: 'neutral',
  removing: 'neutral',
  dead: 'bad',
}

/** One of those that have to be ready for the pod to be ready. */
export function isMeant({ kind }: Container): boolean {
  return kind === 'app' || kind === 'sidecar'
}

/** All that the gateway says of it; never empty. */
export function statusOf({ status, state }: Target): string {
  return status === '' ? state : status
}

export function toneOf(target: Target): Tone {
  const { state, status, kind } = target
  if (isFailing(target) || (state === 'exited' && /^(Failed|Evicted)/.test(status))) return 'bad'
  if (state !== 'running') return stateTone[state]
  if (kind === 'docker') return status.includes('(unhealthy)') ? 'bad' : 'ok'
  return isReady(target) ? 'ok' : 'warn'
}

/** Where columns of their own say how many are ready, and how often they were restarted. */
export function shortStatus(target: Target): string {
  const words = remarkOf(target)
  const { state, kind } = target
  if (kind === 'docker' || state !== 'running' || !/^(Running)?$/.test(words))
    return words === '' ? statusOf(target) : words
  if (isReady(target)) return target.pods === undefined ? 'Running' : 'Ready'
  return countReady(target) === 0 ? 'Not ready' : 'Partly ready'
}

function remarkOf(target: Target): string {
  return (
    statusOf(target)
      .replace(/,? ?\b\d+ restarts?\b/, '')
      .replaceAll(/(^|, )\d+\/\d+ ready\b(: )?/g, '')
      // What tells one crash from another comes before what may be cut.
      .replace(/^(.*?)(CrashLoopBackOff), (exit code .*)$/, '$1$3, $2')
  )
}

function isReady(target: Target): boolean {
  const { pods, containers = [] } = target
  if (pods !== undefined) return pods.ready >= pods.total
  // Its containers may be ready where it is not: its node is silent, or a gate of its own is shut.
  return containers.every((each) => !isMeant(each) || each.ready) && /^(Running)?$/.test(remarkOf(target))
}

function countReady({ pods, containers = [] }: Target): number {
  return pods?.ready ?? containers.filter((each) => isMeant(each) && each.ready).length
}
