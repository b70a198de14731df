import { constants, createReadStream } from 'node:fs'
import { chmod, mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { HatchwayError } from '../core/errors.ts'
import type {
  MissingOutput,
  NotedEnd,
  Recorder,
  RecorderOptions,
  RecordingHeader,
  Recordings,
  RecordingSummary,
  ResumedRecording,
} from '../core/recording.ts'
import type { Blobs } from '../core/blobs.ts'
import type { TerminalSize } from '../core/streams.ts'
import { bytesOf, encodeHeader, readCast, type CastHeader } from './asciicast.ts'
import { BestEffortRecorder } from './best-effort.ts'
import { findCheckpoint } from './checkpoint.ts'
import type { DiskSpace } from './disk-space.ts'
import { flushDirectory, probe } from './durable-file.ts'
import { FlushSchedule } from './flush-schedule.ts'
import { LiveRecording, type SealedTotals } from './live-recording.ts'
import { RecordingClock, systemClock, type Clock } from './recording-clock.ts'
import type { Pace } from './measure.ts'
import { isMissing, openIfThere, recordingFailed, recordingNotFound, setAside } from './recording-files.ts'
import { scanRecording, tailBytes, wholeLines, type ScannedRecording } from './scan-recording.ts'
import { keyOf, SealedRecording, sealRecording } from './seal-recording.ts'
import { SessionNotes } from './session-notes.ts'
import { Turns } from './turns.ts'
import { summarize } from './verify.ts'

export interface DirectoryRecordingsOptions {
  /** Where recordings grow, as `<sessionId>.cast`. Made when it is missing, mode 0700. */
  liveDir: string
  blobs: Blobs
  clock?: Clock
  /** Where the room is watched. Absent: it is not. */
  space?: DiskSpace
  /** Bytes that one recording may have, uncompressed. */
  maxBytes?: number
}

const readOptions = { highWaterMark: 256 * 1024 }
/** Many may be read at once. */
const scanOptions = { highWaterMark: 64 * 1024 }
/** Fewer, larger chunks: each is handed to a thread, or to a caller. */
const gunzipOptions = { chunkSize: 64 * 1024 }
/** Drawing an old screen can wait until every session is taken up. */
const replayWeight = 2 ** 50
/** And what earlier processes lost, until those are drawn. */
const lostWeight = 2 ** 60

/**
 * Recordings as files in one local directory while they grow, and as gzip-compressed blobs afterwards. A sealed one
 * leaves its summary as `<sessionId>.sealed` until its row is known to hold it (`settled`), so that a crash, or a store that
 * takes nothing, loses nothing: `listLive` still names it, `resume` opens it, and its recorder's `finish` gives the same
 * summary again.
 */
export class DirectoryRecordings implements Recordings {
  readonly #liveDir: string
  readonly #blobs: Blobs
  readonly #clock: Clock
  readonly #schedule = new FlushSchedule()
  readonly #turns = new Turns()
  readonly #notes: SessionNotes
  readonly #limits: Pick<DirectoryRecordingsOptions, 'space' | 'maxBytes'>

  constructor(options: DirectoryRecordingsOptions) {
    this.#liveDir = options.liveDir
    this.#notes = new SessionNotes(options.liveDir)
    const { space, maxBytes } = options
    this.#limits = { ...(space && { space }), ...(maxBytes !== undefined && { maxBytes }) }
    this.#blobs = options.blobs
    this.#clock = options.clock ?? systemClock
  }

  checkRoom(): void {
    this.#limits.space?.check()
  }

  async check(): Promise<void> {
    await this.#limits.space?.measure()
    this.checkRoom()
    try {
      await mkdir(this.#liveDir, { recursive: true, mode: 0o700 })
      await probe(this.#liveDir)
    } catch (cause) {
      throw recordingFailed(this.#liveDir, 'written', cause)
    }
  }

  async start(header: RecordingHeader, { bestEffort = false }: RecorderOptions = {}): Promise<Recorder> {
    const { sessionId } = header
    const startedAt = header.startedAt.getTime()
    const clock = new RecordingClock(this.#clock, startedAt)
    const path = this.#pathOf(sessionId, 'cast')
    const line = encodeHeader(header)
    let file: FileHandle | undefined
    try {
      await mkdir(this.#liveDir, { recursive: true, mode: 0o700 })
      await chmod(this.#liveDir, 0o700)
      file = await open(path, 'ax', 0o600)
      await file.appendFile(line)
      await file.sync()
      await flushDirectory(this.#liveDir)
    } catch (cause) {
      if (file !== undefined) {
        await file.close()
        await rm(path, { force: true })
      }
      throw recordingFailed(path, 'started', cause)
    }
    const position = Buffer.byteLength(line)
    const { size } = header
    const start = { sessionId, startedAt, clock, position, size, offset: 0, exited: false }
    return this.#record(file, start, bestEffort)
  }

  async resume(sessionId: string, { bestEffort = false }: RecorderOptions = {}): Promise<ResumedRecording> {
    const path = this.#pathOf(sessionId, 'cast')
    const file = await openIfThere(path, constants.O_RDWR | constants.O_APPEND)
    if (file === undefined) return this.#resumeSealed(sessionId)
    try {
      const scanned = await this.#scan(file, path)
      if (scanned === undefined) throw await setAside(path, sessionId)
      await file.truncate(scanned.end)
      const { startedAt, lastUs, end: position, outputBytes: offset, size, exited, missing } = scanned
      const clock = new RecordingClock(this.#clock, startedAt, lastUs)
      const start = { sessionId, startedAt, clock, position, size, offset, exited, missing }
      const recorder = this.#record(file, start, bestEffort)
      return this.#resumed(sessionId, recorder, scanned)
    } catch (cause) {
      await file.close()
      throw recordingFailed(path, 'opened', cause)
    }
  }

  async read(sessionId: string, sealed: RecordingSummary | undefined): Promise<Readable> {
    if (sealed !== undefined) return this.#readSealed(sealed)
    const path = this.#pathOf(sessionId, 'cast')
    const file = await openIfThere(path, constants.O_RDONLY)
    if (file === undefined) {
      const summary = await this.#notes.summary(sessionId)
      if (summary === undefined) throw recordingNotFound(sessionId)
      return this.#readSealed(summary)
    }
    try {
      const { size } = await file.stat()
      const end = await wholeLines(file, size)
      if (end > 0) return file.createReadStream({ ...readOptions, start: 0, end: end - 1 })
      await file.close()
      return Readable.from([])
    } catch (cause) {
      await file.close()
      throw recordingFailed(path, 'read', cause)
    }
  }

  async listLive(): Promise<string[]> {
    const names = await readdir(this.#liveDir).catch((cause: unknown) => {
      if (isMissing(cause)) return []
      throw recordingFailed(this.#liveDir, 'listed', cause)
    })
    const ids = names.map((name) => /^(.+)\.(?:cast|sealed|end)$/.exec(name)?.[1])
    return [...new Set(ids.filter((id) => id !== undefined))].toSorted()
  }

  async findSealed(sessionId: string, startedAt: Date): Promise<RecordingSummary | undefined> {
    const key = keyOf(sessionId, startedAt.getTime())
    try {
      const pace: Pace = (items) => this.#turns.pace(items, lostWeight)
      return await summarize(await this.#readSealed({ key }), sessionId, key, pace)
    } catch (cause) {
      if (cause instanceof HatchwayError && cause.code === 'recording_not_found') return undefined
      throw cause
    }
  }

  noteEnd(sessionId: string, noted: NotedEnd): Promise<void> {
    return this.#notes.noteEnd(sessionId, noted)
  }

  notedEnd(sessionId: string): Promise<NotedEnd | undefined> {
    return this.#notes.notedEnd(sessionId)
  }

  settled(sessionId: string): Promise<void> {
    return this.#notes.settled(sessionId)
  }

  #record(
    file: FileHandle,
    start: {
      sessionId: string
      startedAt: number
      clock: RecordingClock
      position: number
      size: TerminalSize
      offset: number
      exited: boolean
      missing?: MissingOutput
    },
    bestEffort: boolean,
  ): Recorder {
    const { sessionId, startedAt } = start
    const paths = { live: this.#pathOf(sessionId, 'cast'), sealed: this.#pathOf(sessionId, 'sealed') }
    const seal = (totals: SealedTotals) => sealRecording(this.#blobs, { sessionId, startedAt, paths, totals })
    const live = new LiveRecording({
      ...start,
      ...this.#limits,
      file,
      path: paths.live,
      schedule: this.#schedule,
      seal,
    })
    return bestEffort ? new BestEffortRecorder(live) : live
  }

  async #resumeSealed(sessionId: string): Promise<ResumedRecording> {
    const summary = await this.#notes.summary(sessionId)
    if (summary === undefined) throw recordingNotFound(sessionId)
    const items = readCast(await this.#readSealed(summary))
    const scanned = await scanRecording(this.#turns.pace(items, summary.bytes))
    if (scanned === undefined) throw recordingNotFound(sessionId)
    return this.#resumed(sessionId, new SealedRecording(summary), scanned)
  }

  /** The end of a file, from a checkpoint on, or all of one that has none. */
  async #scan(file: FileHandle, path: string): Promise<ScannedRecording | undefined> {
    const { size } = await file.stat()
    await this.#turns.next(0)
    const at = await findCheckpoint(file, size, tailBytes)
    const header = at && (await readHeader(path))
    const start = at && header && { header, at }
    const from = start?.at.position ?? 0
    await this.#turns.next(size - from)
    const items = readCast(createReadStream(path, { ...scanOptions, start: from }), from)
    return scanRecording(this.#turns.pace(items, size - from), start)
  }

  #resumed(sessionId: string, recorder: Recorder, scanned: ScannedRecording): ResumedRecording {
    const { tail, size, startedAt, lastUs, outputBytes, missing, exited: ended } = scanned
    const turns = this.#turns
    const weight = replayWeight + outputBytes
    const read = async () => {
      await turns.next(weight)
      return turns.pace(readCast(await this.read(sessionId, undefined)), weight)
    }
    return {
      recorder,
      tail,
      size,
      lastEventAt: new Date(startedAt + lastUs / 1000),
      ended,
      async *replay() {
        let left = outputBytes - missing.bytes
        for await (const item of await read()) {
          if (left <= 0) return
          if (item.type !== 'event' || item.code !== 'o') continue
          const bytes = bytesOf(item)
          left -= bytes.length
          yield bytes
        }
      },
    }
  }

  async #readSealed(summary: Pick<RecordingSummary, 'key'>): Promise<Readable> {
    const gunzip = createGunzip(gunzipOptions)
    // An error of either stream destroys the other and reaches the reader of `gunzip`.
    pipeline(await this.#blobs.get(summary.key), gunzip, () => undefined)
    return gunzip
  }

  #pathOf(sessionId: string, extension: 'cast' | 'sealed'): string {
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(sessionId)) throw recordingNotFound(sessionId)
    return join(this.#liveDir, `${sessionId}.${extension}`)
  }
}

async function readHeader(path: string): Promise<CastHeader | undefined> {
  for await (const item of readCast(createReadStream(path, scanOptions))) {
    return item.type === 'header' ? item.header : undefined
  }
  return undefined
}
