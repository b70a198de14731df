import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError, messageOf } from '../../core/errors.ts'
import type { DebugContainer } from '../../core/debug-container.ts'
import type { TargetAccess } from '../../core/driver.ts'
import type { TerminalStream } from '../../core/streams.ts'

const attemptTimeoutMs = 10_000
const longestWaitMs = 5_000

/**
 * Attaches to a debug container that may still run, again and again with growing waits for `forMs`.
 * Throws `session_ended` as soon as the container is known to be gone, `backend_unavailable` when the time is over,
 * and the signal's reason.
 */
export async function reattach(
  access: TargetAccess,
  container: DebugContainer,
  options: { forMs: number; signal: AbortSignal },
): Promise<TerminalStream> {
  const giveUpAt = Date.now() + options.forMs
  for (let waitMs = 100; ; waitMs = Math.min(longestWaitMs, waitMs * 2)) {
    try {
      const signal = AbortSignal.any([options.signal, AbortSignal.timeout(attemptTimeoutMs)])
      return await access.reattach(container, signal)
    } catch (cause) {
      options.signal.throwIfAborted()
      if (cause instanceof HatchwayError && cause.code === 'session_ended') throw cause
      if (Date.now() + waitMs > giveUpAt) {
        const detail = `The container engine could not be reached again: ${messageOf(cause)}`
        throw new HatchwayError('backend_unavailable', detail, { cause })
      }
    }
    await delay(waitMs, undefined, { signal: options.signal })
  }
}
