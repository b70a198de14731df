import { HatchwayError } from '../../core/errors.ts'

/** Waits until a start may begin: see TargetAccess. Throws what forbids it, and `cancelled` when the signal fires first. */
export async function untilMayBegin(
  mayBegin: Promise<unknown> | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (mayBegin === undefined) return
  const { promise: cut, reject } = Promise.withResolvers<never>()
  const stop = () => reject(new HatchwayError('cancelled', 'The start was cancelled.'))
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) stop()
    await Promise.race([mayBegin, cut])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
