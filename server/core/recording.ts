import type { Readable } from 'node:stream'
import type { SessionEnd } from './session.ts'
import type { TerminalSize } from './streams.ts'

/** Output that was shown and could not be recorded, where policy lets that go on. */
export interface MissingOutput {
  holes: number
  bytes: number
}

/** Kept in the session's row once the recording is sealed. */
export interface RecordingSummary {
  /** The blob that holds it, gzip-compressed. */
  key: string
  /** SHA-256, hex, of the uncompressed asciicast. */
  sha256: string
  /** Size of the uncompressed asciicast. */
  bytes: number
  /** Bytes of terminal output in it. */
  outputBytes: number
  durationMs: number
  /** Absent: nothing is. */
  missing?: MissingOutput
}

/** What the first line of a recording says. */
export interface RecordingHeader {
  sessionId: string
  size: TerminalSize
  startedAt: Date
  title: string
  command: string
  /** Who, what and by which rule: lands under `hatchway` in the header. */
  facts: Readonly<Record<string, string>>
}

/** What a recording keeps of an end: words, for people. */
export type RecordedEnd = Pick<SessionEnd, 'reason' | 'exitCode' | 'by' | 'detail'>

/**
 * One recording that is being written. The calls that add to it are synchronous: when one returns, the bytes are
 * with the kernel and survive the death of this process. They throw `recording_failed` when that did not work.
 */
export interface Recorder {
  /** Bytes of terminal output recorded so far: the session's offset. */
  readonly offset: number
  output(bytes: Uint8Array): void
  input(bytes: Uint8Array): void
  resize(size: TerminalSize): void
  marker(label: string): void
  /**
   * Called once when the once-a-second flush to the disk fails, or when the disk is nearly full and this recording is what fills
   * it. One that goes on without (best effort) throws nothing, and calls at the beginning of each hole.
   */
  onFailure(listener: (cause: Error) => void): void
  /** Of best effort: called at the end of each hole, which is marked by then. */
  onMended?(listener: (missing: number) => void): void
  /** Writes the exit event, flushes to disk, compresses into the blobs, removes the live file. */
  finish(end: RecordedEnd): Promise<RecordingSummary>
  /** Flushes to disk and closes without sealing: another process will go on. */
  suspend(): Promise<void>
}

/** How a session ended, kept beside its recording while its row does not say so. */
export interface NotedEnd {
  end: SessionEnd
  endedAt: Date
}

export interface RecorderOptions {
  /** Output that can't be recorded is counted and marked, and does not end anything. */
  bestEffort?: boolean
}

export interface ResumedRecording {
  recorder: Recorder
  /** The last output bytes before the gap, at most 1 MiB: they end at `recorder.offset`. */
  tail: Uint8Array
  /** Every output byte from the beginning, in chunks, to rebuild the screen. */
  replay(): AsyncIterable<Uint8Array>
  /** The terminal's size at the end of the recording. */
  size: TerminalSize
  /** Wall clock of the last event. */
  lastEventAt: Date
  /** Its last event is its end: all that is left to do is to seal it. */
  ended: boolean
}

/** Where recordings live: plain files while they grow, compressed blobs once sealed. */
export interface Recordings {
  /** Throws `storage_full` when there is too little room on the disk to begin anything new. Asks nobody. */
  checkRoom(): void
  /** Writes and removes a probe where recordings grow. Throws `storage_full` and `recording_failed`. */
  check(): Promise<void>
  /** Creates the file and has its header on disk before it resolves. Throws `recording_failed`. */
  start(header: RecordingHeader, options?: RecorderOptions): Promise<Recorder>
  /** Opens a live recording of an earlier process, cutting a torn last line. Throws `recording_not_found`. */
  resume(sessionId: string, options?: RecorderOptions): Promise<ResumedRecording>
  /** The asciicast v3 as it stands, live or sealed. Throws `recording_not_found`. */
  read(sessionId: string, sealed: RecordingSummary | undefined): Promise<Readable>
  /** Sessions that have a live file, or a sealed recording that no row is known to hold: what recovery has to look at. */
  listLive(): Promise<string[]>
  /**
   * The summary of a sealed recording whose row has none, found by what `start` was given. Reads all of it. Undefined when
   * there is none.
   */
  findSealed(sessionId: string, startedAt: Date): Promise<RecordingSummary | undefined>
  /** Keeps how a session ended, on the disk, until {@link settled}. Throws `recording_failed`. */
  noteEnd(sessionId: string, noted: NotedEnd): Promise<void>
  notedEnd(sessionId: string): Promise<NotedEnd | undefined>
  /** The session's row holds its end and its recording: what was kept for it here can go. Idempotent. */
  settled(sessionId: string): Promise<void>
}
