import type { DebugSpec } from '../../core/debug-container.ts'
import type { Opened, StartProgress, TargetAccess } from '../../core/driver.ts'
import type { CommandStream, TerminalStream } from '../../core/streams.ts'
import type { Target } from '../../core/target.ts'
import type { SessionKind } from '../kinds/session-kind.ts'

interface Start {
  kind: SessionKind
  access: TargetAccess
  spec: DebugSpec
  target: Target
}

/**
 * A debug container that is made while its session is still being stored, so that neither waits for the other. Nothing of it
 * begins before the session takes it, and nothing stays of one that is dropped.
 */
export class HeldOpening {
  readonly #gate = Promise.withResolvers<void>()
  readonly #dropped = new AbortController()
  readonly #opened: Promise<Opened<TerminalStream | CommandStream>>
  #progress: StartProgress | undefined
  #onProgress: ((progress: StartProgress) => void) | undefined

  constructor({ kind, access, spec, target }: Start) {
    const onProgress = (progress: StartProgress) => {
      this.#progress = progress
      this.#onProgress?.(progress)
    }
    const { signal } = this.#dropped
    this.#opened = kind.open(access, spec, target, onProgress, signal, this.#gate.promise)
    // Told to whoever takes it.
    this.#opened.catch(() => {})
    this.#gate.promise.catch(() => {})
  }

  /** Lets it begin, once `mayBegin` has resolved, too. It ends by this signal from now on. */
  async take(
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
    mayBegin: Promise<unknown>,
  ): Promise<Opened<TerminalStream | CommandStream>> {
    this.#onProgress = onProgress
    if (this.#progress !== undefined) onProgress(this.#progress)
    const drop = () => void this.drop(signal.reason)
    signal.addEventListener('abort', drop, { once: true })
    if (signal.aborted) drop()
    mayBegin.then(() => this.#gate.resolve(), this.#gate.reject)
    return await this.#opened
  }

  /** Takes away what there is of it, and resolves when that is done. Never rejects. */
  async drop(cause?: unknown): Promise<void> {
    this.#dropped.abort(cause)
    this.#gate.reject(this.#dropped.signal.reason)
    await this.#opened.catch(() => {})
  }
}
