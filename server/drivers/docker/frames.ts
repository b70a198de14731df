import { Transform } from 'node:stream'
import type { CommandOutput } from '../../core/streams.ts'

const headerBytes = 8

/**
 * The output of a container without a tty, which the engine sends in frames: a byte that tells the stream, three zeros, the
 * length as 32 bits, then so many bytes (moby api, ContainerAttach, "Stream format"). Bytes in, {@link CommandOutput} out. What
 * a frame holds is handed on as it comes.
 */
export class FrameReader extends Transform {
  #header = Buffer.alloc(0)
  #stream: CommandOutput['stream'] = 'stdout'
  /** Of the frame that is being read. */
  #left = 0

  constructor() {
    super({ readableObjectMode: true })
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    let rest = chunk
    while (rest.length > 0) rest = this.#left > 0 ? this.#takeBytes(rest) : this.#takeHeader(rest)
    done()
  }

  #takeBytes(bytes: Buffer): Buffer {
    const own = bytes.subarray(0, this.#left)
    this.#left -= own.length
    this.push({ stream: this.#stream, bytes: own } satisfies CommandOutput)
    return bytes.subarray(own.length)
  }

  #takeHeader(bytes: Buffer): Buffer {
    const missing = headerBytes - this.#header.length
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)])
    if (this.#header.length === headerBytes) {
      this.#stream = this.#header[0] === 2 ? 'stderr' : 'stdout'
      this.#left = this.#header.readUInt32BE(4)
      this.#header = Buffer.alloc(0)
    }
    return bytes.subarray(missing)
  }
}
