import type { CommandOutput } from '../../core/streams.ts'

/** What is kept of each stream: the beginning. The recording has all of it. */
const keptBytes = 1024 * 1024

/** The beginning of what a command wrote to one stream. */
export interface KeptOutput {
  bytes: Buffer
  truncated: boolean
}

class Stream {
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #truncated = false

  add(bytes: Uint8Array): void {
    const part = bytes.subarray(0, keptBytes - this.#bytes)
    if (part.length < bytes.length) this.#truncated = true
    if (part.length === 0) return
    this.#bytes += part.length
    this.#chunks.push(part)
  }

  get kept(): KeptOutput {
    return { bytes: Buffer.concat(this.#chunks), truncated: this.#truncated }
  }
}

/** What a command's caller gets: the beginning of what is in the recording, as it was written. */
export class CollectedOutput {
  readonly #streams = { stdout: new Stream(), stderr: new Stream() }

  add({ stream, bytes }: CommandOutput): void {
    this.#streams[stream].add(bytes)
  }

  get kept(): { stdout: KeptOutput; stderr: KeptOutput } {
    return { stdout: this.#streams.stdout.kept, stderr: this.#streams.stderr.kept }
  }
}
