import { HatchwayError } from '../../../core/errors.ts'

/** The name belongs to another pod now. */
export function recreated(pod: string, cause?: unknown): HatchwayError {
  const words = `The pod ${pod} was recreated since it was looked at. Open the target again.`
  return new HatchwayError('target_not_found', words, { cause })
}

/** Pods that a kubelet runs from its own files, such as a control plane's, take no debug containers. */
export function staticPod(pod: string, cause?: unknown): HatchwayError {
  return new HatchwayError(
    'admission_refused',
    `The pod ${pod} is a static one, which its node runs from a file: such pods take no debug containers. Debug it on the node.`,
    { cause },
  )
}
