import { Worker } from 'node:worker_threads'
import { HatchwayError } from '../core/errors.ts'
import type { TerminalSize } from '../core/target.ts'
import { plainTextTail } from './plain-text.ts'
import type { ScreenReply, ScreenRequest } from './screen-worker.ts'

/** Lines above the screen that a viewer gets back. */
const scrollback = 1000
/** Bytes held back before they are compacted or handed to the worker: a screen nobody asked for must cost little. */
const holdBytes = 1024 * 1024
/** Bytes with the worker above which the session should stop reading. */
const workerBytes = 16 * 1024 * 1024
const snapshotTimeoutMs = 10_000

export interface Snapshot {
  /** Escape sequences that draw the screen on a cleared terminal. */
  data: Uint8Array
  size: TerminalSize
}

type Pending = { bytes: Buffer[]; length: number } | { resize: TerminalSize }

/** The worker thread that all screens share; started with the first screen that needs it. */
export class Screens {
  #worker: Worker | undefined
  #nextScreen = 1
  #nextRequest = 1
  readonly #models = new Map<number, ScreenModel>()
  readonly #waiting = new Map<
    number,
    { resolve: (data: Uint8Array) => void; reject: (cause: Error) => void }
  >()

  /** A screen of this size with nothing on it. */
  create(size: TerminalSize, onDrain: () => void): ScreenModel {
    const model = new ScreenModel(this, this.#nextScreen++, size, onDrain)
    return model
  }

  /** Ends the thread; snapshots under way fail. */
  async close(): Promise<void> {
    await this.#worker?.terminate()
    this.#worker = undefined
  }

  /** @internal */
  register(id: number, model: ScreenModel): void {
    this.#models.set(id, model)
  }

  /** @internal */
  forget(id: number): void {
    if (this.#models.delete(id)) this.post({ type: 'close', screen: id })
  }

  /** @internal */
  post(message: ScreenRequest): void {
    this.#worker ??= this.#start()
    this.#worker.postMessage(message)
  }

  /** @internal */
  async serialize(screen: number): Promise<Uint8Array> {
    const request = this.#nextRequest++
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    this.#waiting.set(request, { resolve, reject })
    this.post({ type: 'serialize', screen, request })
    const timer = setTimeout(
      () => reject(new HatchwayError('timeout', 'The screen could not be drawn in time; reload the page.')),
      snapshotTimeoutMs,
    )
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(request)
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL('./screen-worker.ts', import.meta.url))
    worker.unref()
    worker.on('message', (reply: ScreenReply) => {
      if (reply.type === 'written') this.#models.get(reply.screen)?.written(reply.bytes)
      else this.#waiting.get(reply.request)?.resolve(reply.data)
    })
    const gone = (cause: Error) => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      for (const model of this.#models.values()) model.lost()
      this.#models.clear()
      for (const waiting of this.#waiting.values()) waiting.reject(cause)
    }
    worker.on('error', gone)
    worker.on('exit', () => gone(new Error('the screen worker ended')))
    return worker
  }
}

/**
 * One session's screen as a viewer would see it, kept lazily: bytes that leave the ring are held back, compacted while
 * they are plain text, and given to a headless terminal only when too many have gathered or a snapshot is asked for.
 */
export class ScreenModel {
  readonly #screens: Screens
  readonly #id: number
  readonly #onDrain: () => void
  #size: TerminalSize
  #opened = false
  #pending: Pending[] = []
  #pendingBytes = 0
  #withWorker = 0

  constructor(screens: Screens, id: number, size: TerminalSize, onDrain: () => void) {
    this.#screens = screens
    this.#id = id
    this.#size = size
    this.#onDrain = onDrain
  }

  /** True while the worker has more than it can do: the session should not read on. */
  get overloaded(): boolean {
    return this.#withWorker > workerBytes
  }

  /** The next bytes of output. Keeps a reference: they must not change. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const last = this.#pending.at(-1)
    if (last !== undefined && 'bytes' in last) {
      last.bytes.push(buffer)
      last.length += buffer.length
    } else {
      this.#pending.push({ bytes: [buffer], length: buffer.length })
    }
    this.#pendingBytes += buffer.length
    if (this.#pendingBytes > holdBytes) this.#compact()
  }

  /** A change of size after the bytes written so far. */
  resize(size: TerminalSize): void {
    this.#pending.push({ resize: size })
  }

  /** The screen after everything written so far. Throws `timeout`. */
  async snapshot(): Promise<Snapshot> {
    this.#feed()
    const size = this.#size
    return { data: await this.#screens.serialize(this.#id), size }
  }

  close(): void {
    this.#screens.forget(this.#id)
    this.#pending = []
  }

  /** @internal The worker has parsed this many bytes. */
  written(bytes: number): void {
    const before = this.overloaded
    this.#withWorker -= bytes
    if (before && !this.overloaded) this.#onDrain()
  }

  /** @internal The worker died: what it knew is gone, later output draws the screen anew. */
  lost(): void {
    const before = this.overloaded
    this.#opened = false
    this.#withWorker = 0
    if (before) this.#onDrain()
  }

  #compact(): void {
    const last = this.#pending.at(-1)
    if (last !== undefined && 'bytes' in last) {
      const tail = plainTextTail(Buffer.concat(last.bytes), this.#size.rows + scrollback)
      if (tail !== undefined) {
        // Copied, so that the large buffer it came from can go.
        this.#pendingBytes -= last.length - tail.length
        last.bytes = [Buffer.from(tail)]
        last.length = tail.length
      }
    }
    if (this.#pendingBytes > holdBytes) this.#feed()
  }

  #feed(): void {
    if (!this.#opened) {
      this.#opened = true
      this.#screens.register(this.#id, this)
      this.#screens.post({ type: 'open', screen: this.#id, ...this.#size, scrollback })
    }
    for (const entry of this.#pending) {
      if ('resize' in entry) {
        this.#size = entry.resize
        this.#screens.post({ type: 'resize', screen: this.#id, ...entry.resize })
      } else {
        this.#withWorker += entry.length
        this.#screens.post({ type: 'write', screen: this.#id, bytes: Buffer.concat(entry.bytes) })
      }
    }
    this.#pending = []
    this.#pendingBytes = 0
  }
}
