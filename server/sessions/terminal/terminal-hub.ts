import { messageOf } from '../../core/errors.ts'
import type { Recorder } from '../../core/recording.ts'
import type { ViewerInfo } from '../../core/session.ts'
import type { CommandOutput, CommandStream, TerminalSize, TerminalStream } from '../../core/streams.ts'
import { closeCodes, flow, type ServerMessage } from '../../protocol/terminal.ts'
import { BacklogSkip } from './backlog-skip.ts'
import type { OutputHistory } from './output-history.ts'
import { OneAtATime, Paced } from './paced.ts'
import { readStream, type StreamReader } from './stream-reader.ts'
import type { Viewer, ViewerHost } from './viewer.ts'

/** A controller that acknowledges nothing for this long while the terminal waits for it is let go. */
const stalledControllerMs = 30_000

/** Changes of size that are passed on: each is a line of the recording, a call to the engine and work for every screen. */
const resizeEveryMs = 100
/** Joins and leaves within this time are told in one list. */
const viewersEveryMs = 100
/** Input that the program does not read: above this its sender is read only as far as acknowledgements are missing, … */
const inputHighWater = 256 * 1024
/** … and above this it is dropped. */
const maxInput = 8 * 1024 * 1024

interface Options {
  history: OutputHistory
  size: TerminalSize
  recordInput: boolean
  onInput: () => void
  onViewers: (count: number) => void
  /** Somebody asks for control; the session writes its audit event and calls `giveControl`. */
  onTakeControl: (viewer: Viewer) => void
  /** Returns whether the terminal may go on without a recording. */
  onRecordingFailed: (cause: unknown) => boolean
  onOutput: (bytes: number) => void
  /** A piece of a command's output is recorded. */
  onCommandOutput: (piece: CommandOutput) => void
}

/**
 * The terminal path of one session: one terminal or command, one recorder, n viewers.
 * Output goes to the recorder, then to the history, then to the viewers, and nowhere else in another order.
 */
export class TerminalHub implements ViewerHost {
  readonly history: OutputHistory
  readonly #options: Options
  readonly #viewers = new Set<Viewer>()
  #recorder: Recorder | undefined
  /** Of the terminal or command that is attached. */
  #reader: StreamReader | undefined
  /** What takes input and a size. */
  #terminal: TerminalStream | undefined
  #size: TerminalSize
  /** The size has changed while there was no terminal to be told. */
  #sizeIsUntold = false
  #controller: Viewer | undefined
  #reading = true
  #stopped = false
  #stallTimer: NodeJS.Timeout | undefined

  readonly #resizes = new Paced(resizeEveryMs, (size: TerminalSize) => this.#resize(size))
  readonly #lists = new Paced<void>(viewersEveryMs, () => this.#tellViewers())
  readonly #sizes = new OneAtATime(async (size: TerminalSize) => this.#terminal?.resize(size))
  #toldDropped = false
  readonly #skip = new BacklogSkip({
    onChange: () => this.onFlow(),
    isHeld: () => this.history.overloaded,
    // A drawing after which nothing has come is not made again.
    onMaybeOver: () => void this.history.snapshot().catch(() => undefined),
  })

  constructor(options: Options) {
    this.#options = options
    this.history = options.history
    this.#size = options.size
  }

  get size(): TerminalSize {
    return this.#size
  }

  get viewers(): ViewerInfo[] {
    return [...this.#viewers].map((viewer) => viewer.info)
  }

  get controller(): Viewer | undefined {
    return this.#controller
  }

  get skipping(): Promise<void> | undefined {
    return this.#skip.over
  }

  set recorder(recorder: Recorder) {
    this.#recorder = recorder
    recorder.onFailure((cause) => this.#recordingFailed(cause))
    recorder.onMended?.((missing) => {
      const text = `This session is recorded again; ${missing} bytes of output are missing from its recording.`
      this.broadcast({ type: 'notice', level: 'warning', text })
    })
  }

  /** Reads from this terminal or command from now on. */
  attach(stream: TerminalStream | CommandStream): void {
    this.#reading = true
    this.#reader = readStream(stream, {
      show: (bytes) => this.#show(bytes),
      onCommandOutput: (piece) => this.#options.onCommandOutput(piece),
    })
    if (stream.kind === 'terminal') this.#useTerminal(stream)
    this.onFlow()
  }

  #useTerminal(terminal: TerminalStream): void {
    this.#terminal = terminal
    terminal.io.onDrain(() => this.#paceInput())
    if (!this.#sizeIsUntold) return
    this.#sizeIsUntold = false
    this.#sizes.push(this.#size)
  }

  /** Lets go of the terminal and leaves its process running. */
  detach(): void {
    const reader = this.#reader
    reader?.stop()
    if (this.#reader === reader) this.#reader = undefined
    this.#terminal = undefined
    this.#skip.end()
    this.#paceInput()
  }

  /** No output passes from now on; viewers stay. */
  stop(): void {
    this.detach()
    this.#stopped = true
    this.#resizes.stop()
    this.#lists.stop()
    clearTimeout(this.#stallTimer)
  }

  add(viewer: Viewer): void {
    this.#viewers.add(viewer)
    if (viewer.role === 'controller') this.giveControl(viewer)
    else this.tellViewers()
    this.#options.onViewers(this.#viewers.size)
  }

  /** Makes this viewer the controller; another one before it is sent away. */
  giveControl(viewer: Viewer): void {
    const before = this.#controller
    this.#controller = viewer
    viewer.role = 'controller'
    if (before !== undefined && before !== viewer) {
      const self = before.info.id
      before.send({ type: 'viewers', viewers: this.viewers.filter((other) => other.id !== self), self })
      before.close(closeCodes.controlTaken, 'control_taken')
      this.#viewers.delete(before)
    }
    this.tellViewers()
    this.onFlow()
  }

  /** Soon: several changes are told at once. */
  tellViewers(): void {
    this.#lists.push()
  }

  #tellViewers(): void {
    const viewers = this.viewers
    for (const viewer of this.#viewers) viewer.send({ type: 'viewers', viewers, self: viewer.info.id })
  }

  broadcast(message: ServerMessage): void {
    for (const viewer of this.#viewers) viewer.send(message)
  }

  closeViewers(code: number, reason: string): void {
    for (const viewer of this.#viewers) viewer.close(code, reason)
    this.#viewers.clear()
    this.#controller = undefined
  }

  /** Writes into the recording what is not terminal output. */
  mark(label: string): void {
    this.#record((recorder) => recorder.marker(label))
  }

  onInput(viewer: Viewer, bytes: Uint8Array): void {
    const io = this.#terminal?.io
    if (io?.isOpen !== true || this.#stopped) return
    if (io.unsentBytes > maxInput) {
      this.#tellDropped(viewer)
      return
    }
    if (this.#options.recordInput && !this.#record((recorder) => recorder.input(bytes))) return
    this.#options.onInput()
    io.write(bytes)
    if (this.#skip.typed(bytes)) {
      // Its viewer is behind: there is a backlog.
      if (this.#reading) this.onFlow()
      else this.#beginSkip()
    }
    this.#paceInput()
  }

  #beginSkip(): void {
    this.#skip.begin()
    for (const viewer of this.#viewers) viewer.skip()
    this.onFlow()
  }

  #tellDropped(viewer: Viewer): void {
    if (this.#toldDropped) return
    this.#toldDropped = true
    const text = 'The program does not read its input: what is typed now is not sent.'
    viewer.send({ type: 'notice', level: 'warning', text })
  }

  /**
   * While the program does not read, its sender is held back by not being read, but never for long enough to miss what it
   * acknowledges: output that waits for that may be what the program waits for.
   */
  #paceInput(): void {
    const waiting = this.#terminal?.io.unsentBytes ?? 0
    if (waiting < inputHighWater) this.#toldDropped = false
    for (const viewer of this.#viewers) {
      const isHeld =
        viewer === this.#controller && waiting > inputHighWater && viewer.unacked <= flow.lowWater
      if (isHeld) viewer.pauseInput()
      else viewer.resumeInput()
    }
  }

  onMessage(
    viewer: Viewer,
    message: { type: 'resize'; size: TerminalSize } | { type: 'take-control' },
  ): void {
    if (message.type === 'take-control') {
      if (viewer !== this.#controller) this.#options.onTakeControl(viewer)
    } else if (viewer === this.#controller) {
      this.#resizes.push(message.size)
    }
  }

  onLeave(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return
    if (this.#controller === viewer) this.#controller = undefined
    this.onFlow()
    this.tellViewers()
    this.#options.onViewers(this.#viewers.size)
  }

  /** Of what the controller may leave unacknowledged. A little more than usual after an interrupt is quicker shown than drawn. */
  get #limit(): number {
    if (this.#skip.isDue) return flow.skipAbove
    return this.#reading ? flow.highWater : flow.lowWater
  }

  /** The only place that pauses and resumes reading from the container. */
  onFlow(): void {
    const reader = this.#reader
    if (reader === undefined) return
    const controller = this.#controller
    // Who skips gets the screen before there is more: what overtakes the drawing would have to be drawn again.
    const isShown = controller?.isSkipping !== true
    const isBehind = isShown && (controller?.unacked ?? 0) > this.#limit
    if (isBehind && this.#skip.isDue) return this.#beginSkip()
    const mayRead = this.skipping === undefined ? isShown && !isBehind : !this.#skip.isBreathing
    const reading = mayRead && !this.history.overloaded
    if (reading !== this.#reading) {
      this.#reading = reading
      if (reading) reader.resume()
      else reader.pause()
    }
    if ((this.#terminal?.io.unsentBytes ?? 0) > 0) this.#paceInput()
    this.#watchForStall()
  }

  #watchForStall(): void {
    const controller = this.#controller
    if (this.#reading || controller === undefined) {
      clearTimeout(this.#stallTimer)
      this.#stallTimer = undefined
      return
    }
    if (this.#stallTimer !== undefined) return
    const { acked } = controller
    this.#stallTimer = setTimeout(() => {
      this.#stallTimer = undefined
      if (controller !== this.#controller) return
      if (controller.acked !== acked) {
        this.#watchForStall()
        return
      }
      controller.close(closeCodes.tooSlow, 'too_slow')
      this.onLeave(controller)
    }, stalledControllerMs)
    this.#stallTimer.unref()
  }

  #resize(size: TerminalSize): void {
    if (size.cols === this.#size.cols && size.rows === this.#size.rows) return
    if (this.#stopped || !this.#record((recorder) => recorder.resize(size))) return
    this.#size = size
    this.history.resize(size)
    if (this.#terminal === undefined) this.#sizeIsUntold = true
    // A container that is gone tells so through `terminal.ended`.
    else this.#sizes.push(size)
    for (const viewer of this.#viewers) {
      if (viewer !== this.#controller) viewer.send({ type: 'resize', size })
    }
  }

  /** Whether it was recorded, or may go on without, and shown. */
  #show(bytes: Uint8Array): boolean {
    if (this.#stopped || !this.#record((recorder) => recorder.output(bytes))) return false
    this.history.append(bytes)
    const { end } = this.history
    for (const viewer of this.#viewers) viewer.offer(bytes, end)
    this.#options.onOutput(bytes.length)
    this.#skip.read(bytes.length)
    this.onFlow()
    return true
  }

  /** Runs a call on the recorder; false when the terminal must not go on. */
  #record(call: (recorder: Recorder) => void): boolean {
    if (this.#recorder === undefined) return true
    try {
      call(this.#recorder)
      return true
    } catch (cause) {
      return this.#recordingFailed(cause)
    }
  }

  #recordingFailed(cause: unknown): boolean {
    const recorder = this.#recorder
    if (recorder === undefined) return !this.#stopped
    this.#recorder = undefined
    if (this.#options.onRecordingFailed(cause)) {
      // It counts what is missing, and goes on as soon as it can.
      this.#recorder = recorder
      const text = `This session is no longer recorded: ${messageOf(cause)}`
      this.broadcast({ type: 'notice', level: 'error', text })
      return true
    }
    // Before the terminal is let go: what is still held of a character is not shown any more either.
    this.#stopped = true
    this.stop()
    return false
  }
}
