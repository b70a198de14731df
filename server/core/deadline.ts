import { HatchwayError } from './errors.ts'

/**
 * Runs `work` for at most `ms`. Rejects with `timeout` then, and with `cancelled` when `parent` is aborted first,
 * also when `work` does not heed its signal.
 */
export async function within<T>(
  ms: number,
  what: string,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(ms)
  const signal = AbortSignal.any([parent, deadline])
  const { promise: cut, reject } = Promise.withResolvers<never>()
  const stop = () =>
    reject(
      deadline.aborted
        ? new HatchwayError('timeout', `${what} did not answer within ${ms / 1000} seconds. Try again.`)
        : new HatchwayError('cancelled', 'The caller went away.'),
    )
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) stop()
    return await Promise.race([work(signal), cut])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
