import { Worker } from 'node:worker_threads'
import type { TerminalSize } from '../../core/streams.ts'
import { ScreenModel } from './screen-model.ts'
import type { ScreenReply, ScreenRequest } from './screen-worker.ts'

/** Far above what any step takes that the worker may be given: only a sequence that nobody thought of gets there. */
const stepDeadlineMs = 5_000
const startDeadlineMs = 30_000
/** Screens that the worker keeps; who was quiet for longest goes on from its last drawing. */
const maxOpen = 256
/** Of V8's heap; what the lines of a screen take is bounded by their number. */
const maxHeapMiB = 512

/** One thing for the worker to do. */
export interface ScreenStep {
  request: Exclude<ScreenRequest, { type: 'close' }>
  done(ms: number, drawn: Uint8Array | undefined): void
}

/**
 * The worker thread that all screens share, started with the first that needs it. It gets one small step at a time, in
 * turns: a screen that makes much work waits for itself. A step that does not end takes the thread with it; the screen
 * that it was for begins anew, the others are drawn again from what is kept of them.
 */
export class Screens {
  #worker: Worker | undefined
  #isReady = false
  #nextId = 1
  /** Those that have work, in the order of their turns. */
  readonly #waiting = new Set<ScreenModel>()
  /** Those that the worker knows, the longest quiet first. */
  readonly #open = new Set<ScreenModel>()
  #running: { model: ScreenModel; step: ScreenStep } | undefined
  #deadline: NodeJS.Timeout | undefined
  readonly #stepDeadlineMs: number
  readonly #workerUrl: URL

  constructor(options: { stepDeadlineMs?: number; workerUrl?: URL } = {}) {
    this.#stepDeadlineMs = options.stepDeadlineMs ?? stepDeadlineMs
    this.#workerUrl = options.workerUrl ?? new URL('./screen-worker.ts', import.meta.url)
  }

  /** A screen of this size with nothing on it. `onDrain` comes when it is no longer overloaded. */
  create(size: TerminalSize, onDrain: () => void): ScreenModel {
    return new ScreenModel(this, this.#nextId++, size, onDrain)
  }

  /** Ends the thread; snapshots under way fail. */
  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    clearTimeout(this.#deadline)
    for (const model of [...this.#open, ...this.#waiting]) model.close()
    await worker?.terminate()
  }

  /** @internal This screen has work. */
  schedule(model: ScreenModel): void {
    this.#waiting.add(model)
    this.#next()
  }

  /** @internal */
  forget(model: ScreenModel): void {
    this.#waiting.delete(model)
    if (this.#open.delete(model)) this.#worker?.postMessage({ type: 'close', screen: model.id })
  }

  #next(): void {
    if (this.#running !== undefined || this.#waiting.size === 0) return
    if (this.#worker === undefined) this.#start()
    if (!this.#isReady) return
    for (const model of this.#waiting) {
      this.#waiting.delete(model)
      const step = model.nextStep()
      if (step === undefined) continue
      this.#run(model, step)
      return
    }
  }

  #run(model: ScreenModel, step: ScreenStep): void {
    // At the end of the line.
    this.#waiting.add(model)
    this.#open.delete(model)
    if (this.#open.size >= maxOpen) this.#putAway()
    this.#open.add(model)
    this.#running = { model, step }
    this.#deadline = setTimeout(() => this.#lose(), this.#stepDeadlineMs).unref()
    this.#worker?.postMessage(step.request)
  }

  #putAway(): void {
    for (const model of this.#open) {
      if (this.#waiting.has(model) || !model.putAway()) continue
      this.#open.delete(model)
      this.#worker?.postMessage({ type: 'close', screen: model.id })
      return
    }
  }

  #start(): void {
    const worker = new Worker(this.#workerUrl, {
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB },
    })
    this.#worker = worker
    this.#isReady = false
    worker.unref()
    this.#deadline = setTimeout(() => this.#lose(), startDeadlineMs).unref()
    worker.on('message', (reply: ScreenReply) => {
      if (this.#worker === worker) this.#answered(reply)
    })
    // An error is followed by the exit.
    worker.on('error', () => undefined)
    worker.on('exit', () => {
      if (this.#worker === worker) this.#lose()
    })
  }

  #answered(reply: ScreenReply): void {
    clearTimeout(this.#deadline)
    if (reply.type === 'ready') this.#isReady = true
    else {
      const running = this.#running
      this.#running = undefined
      running?.step.done(reply.ms, reply.drawn)
    }
    this.#next()
  }

  /** The thread is gone, or has to go. */
  #lose(): void {
    const worker = this.#worker
    const running = this.#running
    this.#worker = undefined
    this.#running = undefined
    clearTimeout(this.#deadline)
    void worker?.terminate()
    if (!this.#isReady) {
      // It can't even start: whoever waits is told, and what comes later tries again.
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const model of waiting) model.lost(false)
    }
    this.#isReady = false
    const known = [...this.#open]
    this.#open.clear()
    for (const model of known) if (model !== running?.model) model.reopen()
    running?.model.lost(true)
    this.#next()
  }
}
