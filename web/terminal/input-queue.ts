const frameBytes = 16 * 1024
// More than a few frames in the socket's own buffer could not be called back by a cancel.
const bufferedLimit = 4 * frameBytes
const pollMs = 10

/** What the queue needs of a socket. */
export interface InputSocket {
  readonly bufferedAmount: number
  send(bytes: Uint8Array<ArrayBuffer>): void
}

export interface InputProgress {
  sentBytes: number
  totalBytes: number
}

/**
 * Splits input into frames and hands them to the socket no faster than it takes them. Browsers tell nothing about
 * a socket's drain, so its `bufferedAmount` is polled while there is something to send, and only then.
 */
export class InputQueue {
  readonly #socket: () => InputSocket | undefined
  readonly #onProgress: (progress: InputProgress | undefined) => void
  #queue: Uint8Array[] = []
  #sentBytes = 0
  #totalBytes = 0
  #reported = false
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `onProgress` gets undefined when nothing is waiting any more. */
  constructor(
    socket: () => InputSocket | undefined,
    onProgress: (progress: InputProgress | undefined) => void,
  ) {
    this.#socket = socket
    this.#onProgress = onProgress
  }

  /** Bytes go out in order; what the socket cannot take at once waits here. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += frameBytes) {
      this.#queue.push(bytes.subarray(at, at + frameBytes))
    }
    this.#totalBytes += bytes.length
    if (this.#timer === undefined) this.#pump()
  }

  /** Forgets what has not been handed to the socket; returns how many bytes that were. */
  cancel(): number {
    const dropped = this.#totalBytes - this.#sentBytes
    clearTimeout(this.#timer)
    this.#finish()
    return dropped
  }

  #pump(): void {
    this.#timer = undefined
    const socket = this.#socket()
    if (socket === undefined) {
      this.cancel()
      return
    }
    while (socket.bufferedAmount < bufferedLimit) {
      const frame = this.#queue.shift()
      if (frame === undefined) break
      socket.send(new Uint8Array(frame))
      this.#sentBytes += frame.length
    }
    if (this.#queue.length === 0) {
      this.#finish()
      return
    }
    this.#reported = true
    this.#onProgress({ sentBytes: this.#sentBytes, totalBytes: this.#totalBytes })
    this.#timer = setTimeout(() => this.#pump(), pollMs)
  }

  #finish(): void {
    this.#timer = undefined
    const reported = this.#reported
    this.#reported = false
    this.#queue = []
    this.#sentBytes = 0
    this.#totalBytes = 0
    if (reported) this.#onProgress(undefined)
  }
}
