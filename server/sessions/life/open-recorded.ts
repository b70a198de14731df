import type { DebugSpec } from '../../core/debug-container.ts'
import type { Actor, OpenedTerminal, StartProgress, TargetAccess, TargetDriver } from '../../core/driver.ts'
import type { Target } from '../../core/target.ts'
import type { CollectedOutput } from '../kinds/collected-output.ts'
import { commandTerminal } from '../kinds/command-terminal.ts'

const stopTimeoutMs = 20_000

interface Options {
  recording: Promise<void>
  onProgress: (progress: StartProgress) => void
  signal: AbortSignal
  /** Of a command without a terminal. */
  collected: CollectedOutput | undefined
}

/**
 * Opens a debug container while its recording is being opened, because each takes its time. Neither stays without the
 * other, and no byte of the terminal is read before both are there. A command begins only once it can be recorded.
 */
export async function openRecorded(
  driver: TargetDriver,
  actor: Actor,
  target: Target,
  spec: DebugSpec,
  options: Options,
): Promise<OpenedTerminal> {
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const opening = open(driver.as(actor), target, spec, { ...options, signal })
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

async function open(
  access: TargetAccess,
  target: Target,
  spec: DebugSpec,
  { recording, onProgress, signal, collected }: Options,
): Promise<OpenedTerminal> {
  if (collected === undefined) return await access.open(spec, target, onProgress, signal)
  await recording
  signal.throwIfAborted()
  const { command, ...opened } = await access.run(spec, target, onProgress, signal)
  return { ...opened, terminal: commandTerminal(command, collected) }
}
