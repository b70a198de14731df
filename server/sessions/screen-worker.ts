/** Thread that keeps headless terminals, so that parsing never delays a keystroke. See screen-model.ts. */
import { parentPort } from 'node:worker_threads'
import { SerializeAddon } from '@xterm/addon-serialize'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import headless, { type Terminal } from '@xterm/headless'
import { mirrorModes, type ModeMirror } from './terminal-modes.ts'

export type ScreenRequest =
  | { type: 'open'; screen: number; cols: number; rows: number; scrollback: number }
  | { type: 'write'; screen: number; bytes: Uint8Array }
  | { type: 'resize'; screen: number; cols: number; rows: number }
  | { type: 'serialize'; screen: number; request: number }
  | { type: 'close'; screen: number }

export type ScreenReply =
  | { type: 'written'; screen: number; bytes: number }
  | { type: 'serialized'; screen: number; request: number; data: Uint8Array }

interface Screen {
  terminal: Terminal
  serializer: SerializeAddon
  modes: ModeMirror
}

const screens = new Map<number, Screen>()

function open(message: Extract<ScreenRequest, { type: 'open' }>): Screen {
  const { cols, rows, scrollback } = message
  const terminal = new headless.Terminal({ cols, rows, scrollback, allowProposedApi: true, logLevel: 'off' })
  const serializer = new SerializeAddon()
  terminal.loadAddon(serializer)
  // The browser measures characters in the same way; otherwise lines with emoji would wrap elsewhere.
  terminal.loadAddon(new UnicodeGraphemesAddon())
  return { terminal, serializer, modes: mirrorModes(terminal) }
}

function reply(message: ScreenReply, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer)
}

function handle(message: ScreenRequest): void {
  if (message.type === 'open') {
    screens.set(message.screen, open(message))
    return
  }
  const screen = screens.get(message.screen)
  if (screen === undefined) return
  if (message.type === 'write') {
    const { bytes } = message
    screen.terminal.write(bytes, () =>
      reply({ type: 'written', screen: message.screen, bytes: bytes.length }),
    )
  } else if (message.type === 'resize') {
    // Through the write queue, so that it takes place between the bytes around it.
    screen.terminal.write('', () => screen.terminal.resize(message.cols, message.rows))
  } else if (message.type === 'serialize') {
    screen.terminal.write('', () => {
      const text = screen.serializer.serialize() + screen.modes.restore()
      const data = new TextEncoder().encode(text)
      reply({ type: 'serialized', screen: message.screen, request: message.request, data }, [data.buffer])
    })
  } else {
    screen.terminal.dispose()
    screens.delete(message.screen)
  }
}

parentPort?.on('message', handle)
