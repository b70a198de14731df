import { ftruncateSync, writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { MissingOutput, RecordedEnd, Recorder, RecordingSummary } from '../core/recording.ts'
import type { TerminalSize } from '../core/streams.ts'
import { encodeBytes, encodeEvent, encodeMissing } from './asciicast.ts'
import { checkpointEvery, encodeCheckpoint } from './checkpoint.ts'
import type { DiskSpace, DiskWriter } from './disk-space.ts'
import { namesSame, restoreName } from './recording-files.ts'
import type { Flushable, FlushSchedule } from './flush-schedule.ts'
import type { RecordingClock } from './recording-clock.ts'

// One line of the largest usual chunk, 64 KiB of control characters, fits. Shared: writing is synchronous.
const scratch = Buffer.allocUnsafe(1280 * 1024)

// What a recording itself says; everything else is why it failed.
const ownCodes = new Set<string>(['recording_failed', 'recording_too_large', 'storage_full'])

/** What is known of a recording when it is sealed. */
export type SealedTotals = Pick<RecordingSummary, 'outputBytes' | 'durationMs' | 'missing'>

export interface LiveRecordingOptions {
  sessionId: string
  file: FileHandle
  /** Size of the file: everything before it is whole lines. */
  position: number
  /** Of the terminal, so far. */
  size: TerminalSize
  clock: RecordingClock
  /** Output bytes that the file already holds. */
  offset: number
  /** An earlier process wrote the exit event and died before the recording was sealed. */
  exited: boolean
  schedule: FlushSchedule
  /** Where the file is. Absent: it has no name that could be taken away. */
  path?: string
  /** Of earlier processes: output that could not be recorded. */
  missing?: MissingOutput
  space?: DiskSpace
  /** Bytes that the file may grow to. */
  maxBytes?: number
  /** Compresses the file, which is on disk and complete, into the blobs and removes it. */
  seal: (totals: SealedTotals) => Promise<RecordingSummary>
}

/** The file of one recording while it grows. Every write is with the kernel before the call returns. */
export class LiveRecording implements Recorder, Flushable, DiskWriter {
  readonly #options: LiveRecordingOptions
  readonly #file: FileHandle
  #position: number
  #checkpointDue = checkpointEvery
  #size: TerminalSize
  /** Where on the time axis the last written event is. */
  #writtenUs: number
  #offset: number
  #exited: boolean
  #missing: MissingOutput
  #dirty = false
  #open = true
  #failure: Error | undefined
  #flushing: Promise<void> | undefined
  #onFailure: ((cause: Error) => void) | undefined
  #finishing: Promise<RecordingSummary> | undefined

  constructor(options: LiveRecordingOptions) {
    this.#options = options
    this.#file = options.file
    this.#position = options.position
    this.#size = options.size
    this.#writtenUs = options.clock.lastUs
    this.#offset = options.offset
    this.#exited = options.exited
    this.#missing = options.missing ?? { holes: 0, bytes: 0 }
    options.schedule.add(this)
    options.space?.add(this)
  }

  get offset(): number {
    return this.#offset
  }

  get dirty(): boolean {
    return this.#dirty && this.#failure === undefined
  }

  output(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#append(encodeBytes(this.#options.clock.nextInterval(), 'o', asBuffer(bytes)))
    this.#offset += bytes.length
  }

  input(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#append(encodeBytes(this.#options.clock.nextInterval(), 'i', asBuffer(bytes)))
  }

  resize(size: TerminalSize): void {
    this.#append(encodeEvent(this.#options.clock.nextInterval(), 'r', `${size.cols}x${size.rows}`))
    this.#size = { ...size }
  }

  marker(label: string): void {
    this.#append(encodeEvent(this.#options.clock.nextInterval(), 'm', label))
  }

  onFailure(listener: (cause: Error) => void): void {
    this.#onFailure = listener
  }

  /** Flushes to the disk. Never rejects: a failure is told to the listener, once, and ends the recording. */
  async flush(): Promise<void> {
    if (!this.#open || this.#flushing !== undefined) return this.#flushing
    this.#dirty = false
    this.#flushing = this.#file
      .datasync()
      .then(() => this.#checkFile())
      .catch((cause: unknown) => this.refuse(this.#failed(cause)))
      .finally(() => (this.#flushing = undefined))
    return this.#flushing
  }

  /** Takes nothing any more but its end, and tells the listener, once. */
  refuse(cause: HatchwayError): void {
    this.#failure ??= cause
    const listener = this.#onFailure
    this.#onFailure = undefined
    // Not amid a write of this recording, or of another one that the disk was looked at for.
    if (listener !== undefined) setImmediate(listener, this.#failure)
  }

  /**
   * Writes that so many bytes of output are missing here, and takes more again. The offset goes on over them. Throws
   * `recording_failed` while it can't be written.
   */
  bridge(missing: number): void {
    const words = `${missing} bytes of output are missing here: they could not be recorded`
    try {
      this.#write([encodeMissing(missing), ...encodeEvent(this.#options.clock.nextInterval(), 'm', words)])
    } catch (cause) {
      throw this.#failed(cause)
    }
    this.#failure = undefined
    this.#offset += missing
    this.#missing = { holes: this.#missing.holes + 1, bytes: this.#missing.bytes + missing }
    this.#options.space?.add(this)
  }

  finish(end: RecordedEnd): Promise<RecordingSummary> {
    this.#finishing ??= this.#finish(end).catch((cause: unknown) => {
      // Tried again by the next call, or by the next process.
      this.#finishing = undefined
      throw this.#failed(cause)
    })
    return this.#finishing
  }

  async suspend(): Promise<void> {
    try {
      await this.#close()
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  async #finish(end: RecordedEnd): Promise<RecordingSummary> {
    const { clock, seal, path } = this.#options
    if (!this.#exited) {
      if (!this.#open) throw new Error('it is closed')
      // Also after a failed write: what was recorded until then is worth a proper end, if there is room for one.
      const reason = end.reason === 'exit' ? [] : encodeEvent(clock.nextInterval(), 'm', endLabel(end))
      this.#write([...reason, ...encodeEvent(clock.nextInterval(), 'x', String(end.exitCode ?? 1))])
      this.#exited = true
    }
    if (this.#open && path !== undefined) await restoreName(this.#file, path)
    await this.#close()
    const { holes, bytes } = this.#missing
    return seal({
      outputBytes: this.#offset - bytes,
      durationMs: Math.round(clock.lastUs / 1000),
      ...(holes > 0 && { missing: this.#missing }),
    })
  }

  /** What is done to the file from outside is no recording any more: whoever may do that may do anything. */
  async #checkFile(): Promise<void> {
    const { path, sessionId } = this.#options
    if (path === undefined) return
    const before = this.#position
    const own = await this.#file.stat()
    const found = await namesSame(own, path)
    const problem = !found
      ? 'was removed or replaced'
      : own.size < before || own.size > this.#position
        ? 'was changed'
        : undefined
    if (problem === undefined) return
    const detail = `The file of the recording of session ${sessionId} ${problem} by somebody else while it was written.`
    throw new HatchwayError('recording_failed', detail)
  }

  async #close(): Promise<void> {
    if (!this.#open) return
    await this.#flushing
    await this.#file.datasync()
    this.#open = false
    this.#options.schedule.remove(this)
    this.#options.space?.remove(this)
    await this.#file.close()
  }

  #append(lines: string[]): void {
    if (this.#failure !== undefined) {
      this.#options.clock.rewind(this.#writtenUs)
      throw this.#failure
    }
    if (!this.#open || this.#exited) throw this.#failed('it is closed')
    const { maxBytes = Infinity, sessionId, clock } = this.#options
    if (this.#position > maxBytes) {
      clock.rewind(this.#writtenUs)
      this.#failure = new HatchwayError(
        'recording_too_large',
        `The recording of session ${sessionId} has reached its limit of ${Math.round(maxBytes / 1024 ** 2)} MiB. Open another session to go on.`,
      )
      throw this.#failure
    }
    try {
      this.#write(lines)
    } catch (cause) {
      this.#failure = this.#failed(cause)
      throw this.#failure
    }
  }

  #write(lines: string[]): void {
    const isDue = this.#position >= this.#checkpointDue
    const bytes = toBytes(isDue ? [this.#checkpoint(), ...lines] : lines)
    this.#dirty = true
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#file.fd, bytes, done)
    } catch (cause) {
      this.#cutTornLine()
      this.#options.clock.rewind(this.#writtenUs)
      throw cause
    }
    this.#position += bytes.length
    if (isDue) this.#checkpointDue = this.#position + checkpointEvery
    this.#writtenUs = this.#options.clock.lastUs
    this.#options.space?.wrote(this, bytes.length)
  }

  #checkpoint(): string {
    const [offset, lastUs] = [this.#offset, this.#writtenUs]
    return encodeCheckpoint({ offset, lastUs, size: this.#size, missing: this.#missing })
  }

  // A full disk may have taken half a line, after which no other line could follow.
  #cutTornLine(): void {
    try {
      ftruncateSync(this.#file.fd, this.#position)
    } catch {
      // The failure that led here is the one to report; resume() cuts the line too.
    }
  }

  #failed(cause: unknown): HatchwayError {
    if (cause instanceof HatchwayError && ownCodes.has(cause.code)) return cause
    const { sessionId } = this.#options
    const detail = `The recording of session ${sessionId} cannot be written: ${messageOf(cause)}. Check the disk that holds the data directory.`
    return new HatchwayError('recording_failed', detail, { cause })
  }
}

function toBytes(pieces: string[]): Buffer {
  const units = pieces.reduce((sum, piece) => sum + piece.length, 0)
  // A UTF-16 unit becomes at most 3 bytes.
  if (units * 3 > scratch.length) return Buffer.from(pieces.join(''), 'utf8')
  let end = 0
  for (const piece of pieces) end += scratch.write(piece, end, 'utf8')
  return scratch.subarray(0, end)
}

function endLabel(end: RecordedEnd): string {
  const by = end.by === undefined ? '' : ` by ${end.by.name} (${end.by.subject})`
  const detail = end.detail === undefined ? '' : `: ${end.detail}`
  return `ended: ${end.reason}${by}${detail}`
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
