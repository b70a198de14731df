import { HatchwayError } from '../../../core/errors.ts'
import type { Toolbox } from '../../../core/debug-container.ts'
import { launcherExits } from '../../shared/launch-place.ts'
import { ephemeralStatus, type PodFacts } from '../catalog/pod.ts'
import { endOfPod } from './target-end.ts'

/** What the kubelet makes of a debug container: `stuck` may come right by itself, `failed` can't. */
export type StartState =
  | { kind: 'starting'; detail?: string; pulls?: boolean }
  | { kind: 'stuck'; detail: string; advice: string; error: HatchwayError; pulls?: boolean }
  | { kind: 'running' }
  | { kind: 'failed'; error: HatchwayError }

export interface Starting {
  /** Of the debug container. */
  name: string
  /** The container that it joins, if any. */
  target?: string
  toolbox: Toolbox
}

// What no retry changes: containerd's and registries' own words.
export const finalPull =
  /not found|manifest unknown|unauthorized|denied|authentication required|no such host|no match for platform|invalid reference/i

// runc's words for a first process that the image does not have; crun's, and the kernel's.
const unstartable =
  /exec: "[^"]*": .*(no such file|not found|permission denied)|exec(utable file| format error)|executable file .* not found/i

/** Reads from the pod's status how the start goes. Pure. */
export function readStart(pod: PodFacts, starting: Starting): StartState {
  if (pod.metadata.deletionTimestamp !== undefined || pod.status.phase === 'Failed')
    return failed('target_not_running', `${endOfPod(pod)} Open the target again once its successor is there.`)
  const { state } = ephemeralStatus(pod, starting.name) ?? {}
  if (state?.running !== undefined) return { kind: 'running' }
  if (state?.terminated !== undefined) return ended(state.terminated, starting)
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status
  const target = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === starting.target)
  if (target !== undefined && target.state?.running === undefined) return targetGone(starting)
  const { reason = '', message = '' } = state?.waiting ?? {}
  const words = [reason, message].filter(Boolean).join(': ')
  return waiting(reason, words, starting) ?? { kind: 'starting', ...(words !== '' && { detail: words }) }
}

/**
 * Reads from the newest event what the status will say some seconds later: a kubelet writes its reason for waiting only at
 * its next try. Pure.
 */
export function readEvent(message: string, starting: Starting): StartState {
  const invalid = /InvalidImageName|couldn't parse image/i.test(message) ? 'InvalidImageName' : ''
  const unpulled = /^(Failed to pull|Back-off pulling) image/.test(message) ? 'ErrImagePull' : ''
  const pulls = message.startsWith('Pulling image')
  return waiting(invalid || unpulled, message, starting) ?? { kind: 'starting', detail: message, pulls }
}

function waiting(reason: string, words: string, starting: Starting): StartState | undefined {
  const { name, image } = starting.toolbox
  if (/^(ErrImagePull|ImagePullBackOff|RegistryUnavailable|ImageInspectError)$/.test(reason)) {
    const advice = `See that the nodes can reach the registry of ${image}, and that the pod's service account has the secret for it.`
    const error = new HatchwayError(
      'image_unavailable',
      `The node cannot get the toolbox ${name} (${image}). The kubelet said: ${words}. ${advice}`,
    )
    return finalPull.test(words)
      ? { kind: 'failed', error }
      : { kind: 'stuck', detail: words, advice, error, pulls: true }
  }
  if (reason === 'InvalidImageName' || reason === 'ErrImageNeverPull') {
    return failed(
      'image_unavailable',
      `The toolbox ${name} has an image that cannot be had (${image}). The kubelet said: ${words}. Correct the toolbox in the configuration.`,
    )
  }
  if (/target container/i.test(words)) return targetGone(starting, words)
  if (reason === 'CreateContainerConfigError')
    return failed('start_failed', `The kubelet refuses to make the debug container: ${words}`)
  if (reason === 'RunContainerError' && unstartable.test(words)) return noShell(starting.toolbox, words)
  if (reason === 'CreateContainerError' || reason === 'RunContainerError') {
    const advice = 'The kubelet tries again by itself.'
    const error = new HatchwayError('start_failed', `The debug container cannot be started: ${words}`)
    return { kind: 'stuck', detail: words, advice, error }
  }
  return undefined
}

function ended(
  { exitCode, reason, message }: { exitCode: number; reason?: string; message?: string },
  { toolbox }: Starting,
): StartState {
  const image = `${toolbox.name} (${toolbox.image})`
  if (exitCode === launcherExits.missingTool) {
    return failed(
      'toolbox_unusable',
      `The toolbox ${image} has no sleep or no stty, by which a session in a cluster is started and ended. Use an image that has both.`,
    )
  }
  if (exitCode === launcherExits.unclaimed)
    return failed(
      'timeout',
      'The debug container ended itself because nobody had attached in time. Try again.',
    )
  const words = [reason, message].filter(Boolean).join(': ')
  if (/\/bin\/sh/.test(words)) return noShell(toolbox, words)
  if (exitCode === 137)
    return failed(
      'target_not_running',
      'The debug container was killed as it started, as when its target ends.',
    )
  return failed(
    'start_failed',
    `The debug container ended with code ${exitCode} as it started. ${words}`.trim(),
  )
}

function noShell({ name, image }: Toolbox, words: string): StartState {
  return failed(
    'toolbox_unusable',
    `The toolbox ${name} (${image}) has no /bin/sh that runs here, which starts every session. Use an image that has one, for the node's kind of processor. The kubelet said: ${words}`,
  )
}

function targetGone({ target = '' }: Starting, words?: string): StartState {
  return failed(
    'target_not_running',
    `The container ${target} stopped or is restarting, so nothing can join it. Open it once it stays up, or a debug copy of the pod where policy allows it.${words === undefined ? '' : ` The kubelet said: ${words}`}`,
  )
}

function failed(code: HatchwayError['code'], words: string): StartState {
  return { kind: 'failed', error: new HatchwayError(code, words) }
}
