/**
 * Thread that keeps headless terminals, so that parsing never delays a keystroke. It does one step at a time and says
 * when it is done: see screens.ts, which watches over that.
 */
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import type { Terminal } from '@xterm/headless'
import { ScreenDrawing } from './screen-drawing.ts'
import { parseNow, screenTerminal } from './screen-terminal.ts'

export type ScreenRequest =
  | { type: 'open'; screen: number; cols: number; rows: number; scrollback: number }
  | { type: 'write'; screen: number; bytes: Uint8Array }
  | { type: 'resize'; screen: number; cols: number; rows: number }
  | { type: 'draw'; screen: number }
  | { type: 'close'; screen: number }

/** `ready` once, then one `done` for each request but `close`; `ms` is the thread's own time, however busy the machine is. */
export type ScreenReply = { type: 'ready' } | { type: 'done'; ms: number; drawn?: Uint8Array }

interface Screen {
  terminal: Terminal
  drawing: ScreenDrawing
}

const screens = new Map<number, Screen>()

function open(size: Extract<ScreenRequest, { type: 'open' }>): Screen {
  const terminal = screenTerminal(size)
  return { terminal, drawing: new ScreenDrawing(terminal) }
}

function handle(message: ScreenRequest): Uint8Array<ArrayBuffer> | undefined {
  if (message.type === 'open') screens.set(message.screen, open(message))
  const screen = screens.get(message.screen)
  if (screen === undefined) return undefined
  const { terminal, drawing } = screen
  if (message.type === 'write') {
    parseNow(terminal, message.bytes)
    drawing.wrote(message.bytes)
  } else if (message.type === 'resize') terminal.resize(message.cols, message.rows)
  else if (message.type === 'draw') return Uint8Array.from(drawing.draw())
  else if (message.type === 'close') {
    terminal.dispose()
    screens.delete(message.screen)
  }
  return undefined
}

try {
  // Of this thread alone, on Linux: the event loop comes first.
  setPriority(5)
} catch {
  // Not permitted: then it is as important as the rest.
}
parentPort?.on('message', (message: ScreenRequest) => {
  const before = process.threadCpuUsage()
  const drawn = handle(message)
  if (message.type === 'close') return
  const { user, system } = process.threadCpuUsage(before)
  const reply: ScreenReply = { type: 'done', ms: (user + system) / 1000, ...(drawn && { drawn }) }
  parentPort?.postMessage(reply, drawn === undefined ? [] : [drawn.buffer])
})
parentPort?.postMessage({ type: 'ready' } satisfies ScreenReply)
