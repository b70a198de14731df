import type { Opened, TargetDriver } from '../../core/driver.ts'
import type { CommandStream, TerminalStream } from '../../core/streams.ts'

const stopTimeoutMs = 20_000

interface Options<Stream extends TerminalStream | CommandStream> {
  recording: Promise<void>
  /** Opens the debug container. */
  open: (signal: AbortSignal) => Promise<Opened<Stream>>
  signal: AbortSignal
}

/**
 * Opens a debug container while its recording is being opened, because each takes its time. Neither stays without the
 * other, and no byte of the stream is read before both are there.
 */
export async function openRecorded<Stream extends TerminalStream | CommandStream>(
  driver: TargetDriver,
  options: Options<Stream>,
): Promise<Opened<Stream>> {
  const failed = new AbortController()
  const opening = options.open(AbortSignal.any([options.signal, failed.signal]))
  try {
    const [opened] = await Promise.all([opening, options.recording])
    return opened
  } catch (cause) {
    failed.abort()
    // It fails by the abort, or has just made a container that has to go.
    const opened = await opening.catch(() => undefined)
    opened?.stream.detach()
    if (opened !== undefined) await driver.stop(opened.container, AbortSignal.timeout(stopTimeoutMs))
    // A recording that comes after all is sealed by whoever ends the session.
    await options.recording.catch(() => undefined)
    throw cause
  }
}
