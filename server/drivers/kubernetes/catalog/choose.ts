/** Which pod of a workload, and which container of a pod. Pure. */
import { HatchwayError } from '../../../core/errors.ts'
import type { PodChoice } from '../../../core/target.ts'
import type { PodPick, TargetState } from '../../../core/vocabulary.ts'
import type { PodRecord } from './describe.ts'
import { byUsefulness } from './rows.ts'

export interface ChosenPod {
  pod: PodRecord
  /** Why this one, for the user. */
  explanation: string
}

/** Undefined when no pod is of the wanted kind; for `ready`, only when there is none at all. */
export function choosePod(pods: readonly PodRecord[], pick: PodPick): ChosenPod | undefined {
  const fitting = pods.filter((pod) => fits[pick](pod)).toSorted(byUsefulness)
  const [pod] = fitting
  if (pod !== undefined) return { pod, explanation: explain(pick, fitting.length, pods.length) }
  const [best] = pick === 'ready' ? pods.toSorted(byUsefulness) : []
  if (best === undefined) return undefined
  const none = pods.length === 1 ? 'Its only pod is not ready' : `None of its ${pods.length} pods is ready`
  return { pod: best, explanation: `${none}: ${best.status}.` }
}

const fits: Record<PodPick, (pod: PodRecord) => boolean> = {
  ready: ({ ready }) => ready,
  unready: ({ ready, state }) => !ready && state !== 'exited' && state !== 'removing',
  crashing: ({ state, status }) => state === 'restarting' || (state === 'exited' && status !== 'Completed'),
}

function explain(pick: PodPick, count: number, total: number): string {
  if (total === 1) return pick === 'ready' ? 'Its only pod.' : `Its only pod, which is ${words[pick]}.`
  if (count === 1) return `The only one of its ${total} pods that is ${words[pick]}.`
  return `The newest of ${count} pods that are ${words[pick]}, of ${total}.`
}

const words: Record<PodPick, string> = { ready: 'ready', unready: 'not ready', crashing: 'failing' }

/** What a user may choose from, the most useful first. */
export function describeChoices(pods: readonly PodRecord[]): PodChoice[] {
  return pods
    .toSorted(byUsefulness)
    .slice(0, maxChoices)
    .map(({ name, state, status, ready, restarts, node, createdAt }) => ({
      name,
      state,
      status,
      ready,
      restarts,
      ...(node === undefined ? {} : { node }),
      createdAt,
    }))
}

/** More pods than anybody chooses from by eye. */
const maxChoices = 100

/** Throws unless the container that was asked for is there and can be a target. */
export function checkContainer({ name: pod, containers }: PodRecord, asked: string | undefined): void {
  if (asked === undefined) return
  const found = containers.find(({ name }) => name === asked)
  const names = containers.filter(({ kind }) => kind !== 'debug').map(({ name }) => name)
  const others = `Choose one of ${names.join(', ')}.`
  if (found === undefined) {
    throw new HatchwayError('target_not_found', `The pod ${pod} has no container ${asked}. ${others}`)
  }
  if (found.kind === 'debug') {
    throw new HatchwayError(
      'invalid_request',
      `${asked} is an ephemeral container of the pod ${pod}, and the cluster allows none beside it. ${others}`,
    )
  }
}

/** The state of the container that was chosen, which may run while another one of its pod crashes. */
export function stateOfChosen({ state, container, containers }: PodRecord): TargetState {
  if (state === 'removing' || state === 'exited' || state === 'dead') return state
  const chosen = containers.find(({ name }) => name === container)
  if (chosen?.state === 'running') return 'running'
  if (state !== 'running') return state
  return chosen?.state === 'terminated' ? 'exited' : 'created'
}
