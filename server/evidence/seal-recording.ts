import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline, Transform } from 'node:stream'
import { createGzip } from 'node:zlib'
import { HatchwayError } from '../core/errors.ts'
import type { Recorder, RecordingSummary } from '../core/recording.ts'
import type { Blobs } from '../core/blobs.ts'
import { flushDirectory, writeDurably } from './durable-file.ts'
import type { SealedTotals } from './live-recording.ts'

export interface FinishedRecording {
  sessionId: string
  /** Ms since 1970. */
  startedAt: number
  paths: { live: string; sealed: string }
  totals: SealedTotals
}

/** The blob of a session's recording. `startedAt`, in ms since 1970, is the header's: when the session was asked for. */
export function keyOf(sessionId: string, startedAt: number): string {
  const [year, month] = new Date(startedAt).toISOString().split('-')
  return `recordings/${year}/${month}/${sessionId}.cast.gz`
}

/**
 * Moves a finished live file into the blobs: blob, then summary, then removal, each on the disk before the next. A crash
 * in between leaves the live file, and doing it again gives the same blob.
 */
export async function sealRecording(blobs: Blobs, recording: FinishedRecording): Promise<RecordingSummary> {
  const { sessionId, startedAt, paths, totals } = recording
  const key = keyOf(sessionId, startedAt)
  const hash = createHash('sha256')
  let bytes = 0
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    },
  })
  const gzip = createGzip({ level: 6 })
  // An error on the way destroys `gzip`, which makes the put fail.
  pipeline(createReadStream(paths.live, { highWaterMark: 256 * 1024 }), measure, gzip, () => undefined)
  await blobs.put(key, gzip)
  const summary: RecordingSummary = { key, sha256: hash.digest('hex'), bytes, ...totals }
  await writeDurably(paths.sealed, JSON.stringify(summary))
  await rm(paths.live, { force: true })
  await flushDirectory(dirname(paths.live))
  return summary
}

/** The recorder of a recording that an earlier process sealed without having told anybody. */
export class SealedRecording implements Recorder {
  readonly #summary: RecordingSummary

  constructor(summary: RecordingSummary) {
    this.#summary = summary
  }

  get offset(): number {
    return this.#summary.outputBytes + (this.#summary.missing?.bytes ?? 0)
  }

  output(): void {
    throw this.#closed()
  }

  input(): void {
    throw this.#closed()
  }

  resize(): void {
    throw this.#closed()
  }

  marker(): void {
    throw this.#closed()
  }

  onFailure(): void {
    // Nothing is written any more.
  }

  async finish(): Promise<RecordingSummary> {
    return this.#summary
  }

  async suspend(): Promise<void> {
    // Nothing is open.
  }

  #closed(): HatchwayError {
    return new HatchwayError('recording_failed', `The recording ${this.#summary.key} is already sealed.`)
  }
}
