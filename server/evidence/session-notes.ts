import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { NotedEnd, RecordingSummary } from '../core/recording.ts'
import { writeDurably } from './durable-file.ts'
import { isMissing, recordingFailed } from './recording-files.ts'

type Stored = Omit<NotedEnd, 'endedAt'> & { endedAt: string }

/**
 * Small files beside the live recordings that say what a session's row does not say yet: `<id>.end`, how it ended, and
 * `<id>.sealed`, the summary of its sealed recording. They stay until the row says it.
 */
export class SessionNotes {
  readonly #liveDir: string

  constructor(liveDir: string) {
    this.#liveDir = liveDir
  }

  async noteEnd(sessionId: string, noted: NotedEnd): Promise<void> {
    const path = this.#pathOf(sessionId, 'end')
    try {
      await writeDurably(path, JSON.stringify(noted))
    } catch (cause) {
      throw recordingFailed(path, 'written', cause)
    }
  }

  async notedEnd(sessionId: string): Promise<NotedEnd | undefined> {
    const stored = await this.#read<Stored>(sessionId, 'end')
    return stored && { ...stored, endedAt: new Date(stored.endedAt) }
  }

  summary(sessionId: string): Promise<RecordingSummary | undefined> {
    return this.#read<RecordingSummary>(sessionId, 'sealed')
  }

  /** Not flushed: a note that comes back after a power cut is taken for what it is, and removed again. */
  async settled(sessionId: string): Promise<void> {
    await Promise.all(
      (['end', 'sealed'] as const).map((kind) => rm(this.#pathOf(sessionId, kind), { force: true })),
    )
  }

  async #read<T>(sessionId: string, kind: 'end' | 'sealed'): Promise<T | undefined> {
    const path = this.#pathOf(sessionId, kind)
    try {
      return JSON.parse(await readFile(path, 'utf8')) as T
    } catch (cause) {
      if (isMissing(cause)) return undefined
      throw recordingFailed(path, 'read', cause)
    }
  }

  #pathOf(sessionId: string, kind: 'end' | 'sealed'): string {
    return join(this.#liveDir, `${sessionId}.${kind}`)
  }
}
