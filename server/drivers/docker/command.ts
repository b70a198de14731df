import { once } from 'node:events'
import type { CommandOutput, CommandStream, Output, StreamEnd } from '../../core/streams.ts'
import { commandOutput } from '../shared/streams.ts'
import { FrameReader } from './frames.ts'
import { endOfStream, type Attached } from './stream-end.ts'

/** A command in a debug container: the frames of its attach. */
export class DockerCommand implements CommandStream {
  readonly kind = 'command'
  readonly output: Output<CommandOutput>
  readonly ended: Promise<StreamEnd>
  readonly #attached: Attached
  readonly #frames = new FrameReader()
  #detached = false

  constructor(attached: Attached) {
    this.#attached = attached
    const { socket } = attached
    const output = commandOutput(this.#frames)
    this.output = {
      ...output,
      // Not before: who starts the container looks whether there is something to read.
      read: (onPiece) => {
        output.read(onPiece)
        socket.pipe(this.#frames)
      },
    }
    // The end is told by `ended`; without a listener a broken connection would end the process.
    socket.on('error', () => {})
    // A connection that breaks closes without having ended.
    socket.once('close', () => this.#frames.writableEnded || this.#frames.end())
    this.ended = this.#end()
  }

  detach(): void {
    this.#detached = true
    this.#attached.socket.destroy()
    this.#frames.destroy()
  }

  async #end(): Promise<StreamEnd> {
    const end = await endOfStream(this.#attached, () => this.#detached)
    if (!this.#frames.closed) await once(this.#frames, 'close')
    return end
  }
}
