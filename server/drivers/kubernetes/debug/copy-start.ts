import type { V1ContainerStatus } from '@kubernetes/client-node'
import { HatchwayError } from '../../../core/errors.ts'
import type { Toolbox } from '../../../core/debug-container.ts'
import type { StartProgress } from '../../../core/driver.ts'
import { copyStartMs, holderName } from './copy-pod.ts'
import type { PodFacts } from '../catalog/pod.ts'
import { finalPull } from './progress.ts'
import { endOfPod } from './target-end.ts'
import type { Watched } from '../api/watch.ts'

/** What the cluster makes of a debug copy: `stuck` may come right by itself, `failed` can't. */
export type CopyState =
  | { kind: 'starting'; detail?: string }
  | { kind: 'stuck'; detail: string; advice: string; error: HatchwayError }
  | { kind: 'running' }
  | { kind: 'failed'; error: HatchwayError }

export interface CopyStart {
  /** The container that is to hold still. */
  container: string
  toolbox: Toolbox
}

/** What may come right by itself is waited for so long. */
const stuckMs = 60_000

/** Reads from a copy's status how its start goes. Pure. */
export function readCopyStart(pod: PodFacts, start: CopyStart): CopyState {
  const { status, metadata } = pod
  if (metadata.deletionTimestamp !== undefined) return failed('start_failed', `The copy: ${endOfPod(pod)}`)
  const own = status.containerStatuses?.find(({ name }) => name === start.container)
  const holder = status.initContainerStatuses?.find(({ name }) => name === holderName)
  if (own?.state?.running !== undefined) return { kind: 'running' }
  const holding = holder?.state?.terminated
  if (holding !== undefined && holding.exitCode !== 0) return noBusybox(start, wordsOf(holding))
  const ended = own?.state?.terminated
  if (ended !== undefined) return notStatic(start, wordsOf(ended))
  if (status.phase === 'Failed') {
    const words = wordsOf(status)
    return failed('start_failed', `The debug copy failed before it ran${words === '' ? '' : `: ${words}`}.`)
  }
  return unscheduled(pod) ?? waiting(holder, start, true) ?? waiting(own, start, false) ?? told(holder, own)
}

function unscheduled({ status }: PodFacts): CopyState | undefined {
  const scheduled = status.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status !== 'False') return undefined
  const detail = wordsOf(scheduled)
  const error = new HatchwayError('timeout', `The scheduler finds no node for the debug copy: ${detail}`)
  const advice = 'The copy asks for what the original asks for: its resources, volumes and kind of node.'
  return { kind: 'stuck', detail, advice, error }
}

function waiting(
  status: V1ContainerStatus | undefined,
  { container, toolbox }: CopyStart,
  isHolder: boolean,
): CopyState | undefined {
  const { reason = '' } = status?.state?.waiting ?? {}
  const detail = wordsOf(status?.state?.waiting)
  const stuck = (code: HatchwayError['code'], words: string, advice: string): CopyState => {
    const error = new HatchwayError(code, `${words} The kubelet said: ${detail}. ${advice}`)
    return { kind: 'stuck', detail, advice, error }
  }
  if (/^(ErrImagePull|ImagePullBackOff|RegistryUnavailable|ImageInspectError)$/.test(reason)) {
    const image = isHolder ? `toolbox ${toolbox.name} (${toolbox.image})` : `image of ${container}`
    const advice =
      "See that the nodes can reach its registry, and the pull secret of the pod's service account."
    const state = stuck('image_unavailable', `The node cannot get the ${image}.`, advice)
    return state.kind === 'stuck' && finalPull.test(detail) ? { kind: 'failed', error: state.error } : state
  }
  if (reason === 'RunContainerError' && isHolder) return noBusybox({ container, toolbox }, detail)
  if (reason === 'RunContainerError') return notStatic({ container, toolbox }, detail)
  if (/^(InvalidImageName|ErrImageNeverPull|CreateContainer(Config)?Error)$/.test(reason)) {
    const what = isHolder ? 'the container that makes the debug copy hold still' : `${container} in the copy`
    return stuck('start_failed', `The kubelet cannot make ${what}.`, 'It tries again by itself.')
  }
  return undefined
}

function told(holder: V1ContainerStatus | undefined, own: V1ContainerStatus | undefined): CopyState {
  const isHeld = holder?.state?.terminated !== undefined
  const detail = wordsOf((isHeld ? own : holder)?.state?.waiting)
  return { kind: 'starting', ...(detail !== '' && { detail }) }
}

function noBusybox({ toolbox }: CopyStart, words: string): CopyState {
  return failed(
    'toolbox_unusable',
    `The toolbox ${toolbox.name} (${toolbox.image}) has no /bin/busybox that could be copied, which a debug copy needs to hold still. Use an image that has a static one. The kubelet said: ${words}`,
  )
}

function notStatic({ container, toolbox }: CopyStart, words: string): CopyState {
  return failed(
    'toolbox_unusable',
    `The container ${container} cannot hold still in the copy: the /bin/busybox of the toolbox ${toolbox.name} (${toolbox.image}) does not run among its files. It has to be static. The kubelet said: ${words}`,
  )
}

function failed(code: HatchwayError['code'], words: string): CopyState {
  return { kind: 'failed', error: new HatchwayError(code, words) }
}

function wordsOf(said: { reason?: string; message?: string; exitCode?: number } | undefined): string {
  const { reason, message, exitCode } = said ?? {}
  const code = exitCode === undefined ? undefined : `exit code ${exitCode}`
  return [reason, message?.trim(), code].filter(Boolean).join(': ')
}

/**
 * Resolves when the copy's container runs. Rejects as soon as its status tells that it never will, `timeout` when it takes
 * too long, and `cancelled`.
 */
export async function waitForCopy(
  pod: Watched<PodFacts>,
  place: { pod: string; uid: string },
  start: CopyStart,
  { onProgress, signal }: { onProgress: (progress: StartProgress) => void; signal: AbortSignal },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const since = Date.now()
  let stuckSince: number | undefined
  let before = ''
  const look = () => {
    const facts = pod.items.get(place.uid)
    const passed = Date.now() - since
    if (passed > copyStartMs) {
      const more = pod.problem === undefined ? '' : ` ${pod.problem.message}`
      const words = before === '' ? '' : ` The last that was said: ${before}.`
      reject(
        new HatchwayError('timeout', `The debug copy ${place.pod} has not started in time.${words}${more}`),
      )
    }
    // It was just made: a list may be older than it.
    if (facts === undefined) return
    const state = readCopyStart(facts, start)
    if (state.kind === 'running') resolve()
    if (state.kind === 'failed') reject(state.error)
    stuckSince = state.kind === 'stuck' ? (stuckSince ?? Date.now()) : undefined
    if (state.kind === 'stuck' && Date.now() - (stuckSince ?? 0) > stuckMs) reject(state.error)
    const detail = 'detail' in state ? state.detail : undefined
    if (detail === undefined || detail === before) return
    before = detail
    onProgress({ phase: 'creating', detail, ...(state.kind === 'stuck' && { advice: state.advice }) })
  }
  const cancel = () => reject(new HatchwayError('cancelled', 'The start was cancelled.'))
  const ignore = pod.onChange((kind, facts) => {
    if (kind === 'gone' && facts.metadata.uid === place.uid)
      reject(new HatchwayError('start_failed', `The debug copy ${place.pod} was deleted before it ran.`))
    else look()
  })
  const timer = setInterval(look, 1_000)
  signal.addEventListener('abort', cancel, { once: true })
  try {
    if (signal.aborted) cancel()
    look()
    await promise
  } finally {
    ignore()
    clearInterval(timer)
    signal.removeEventListener('abort', cancel)
  }
}
