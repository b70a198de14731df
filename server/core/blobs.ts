import type { Readable } from 'node:stream'

/** Bytes under keys of the form `a/b-c.d`. A put is whole or absent, and on the disk when it resolves. */
export interface Blobs {
  put(key: string, body: Readable): Promise<{ bytes: number }>
  /** Throws `recording_not_found`. */
  get(key: string): Promise<Readable>
  /** Idempotent. */
  delete(key: string): Promise<void>
  check(): Promise<void>
}
