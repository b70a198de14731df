import type { Actor, DebugSpec, OpenedTerminal, StartProgress, Target, TargetDriver } from '../core/target.ts'

const stopTimeoutMs = 20_000

/**
 * Opens a debug container while its recording is being opened, because each takes its time. Neither stays without the
 * other, and no byte of the terminal is read before both are there.
 */
export async function openRecorded(
  driver: TargetDriver,
  actor: Actor,
  target: Target,
  spec: DebugSpec,
  options: { recording: Promise<void>; onProgress: (progress: StartProgress) => void; signal: AbortSignal },
): Promise<OpenedTerminal> {
  const failed = new AbortController()
  const either = AbortSignal.any([options.signal, failed.signal])
  const opening = driver.as(actor).open(spec, target, options.onProgress, either)
  try {
    const [opened] = await Promise.all([opening, options.recording])
    return opened
  } catch (cause) {
    failed.abort()
    // It fails by the abort, or has just made a container that has to go.
    const opened = await opening.catch(() => undefined)
    opened?.terminal.detach()
    if (opened !== undefined) await driver.stop(opened.container, AbortSignal.timeout(stopTimeoutMs))
    // A recording that comes after all is sealed by whoever ends the session.
    await options.recording.catch(() => undefined)
    throw cause
  }
}
