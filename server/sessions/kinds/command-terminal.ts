import { once } from 'node:events'
import { Duplex } from 'node:stream'
import type { CommandOutput, RunningCommand, Terminal, TerminalEnd } from '../../core/streams.ts'
import type { CollectedOutput } from './collected-output.ts'

/** A command on the path of a terminal: both streams are shown as they come, and it takes neither input nor a size. */
export function commandTerminal(command: RunningCommand, collected: CollectedOutput): Terminal {
  const { output } = command
  const io = new Duplex({
    allowHalfOpen: false,
    read: () => void output.resume(),
    write: (_chunk, _encoding, done) => done(),
  })
  output.on('data', (piece: CommandOutput) => {
    if (!io.push(collected.pass(piece))) output.pause()
  })
  output.once('end', () => io.push(null))
  return {
    io,
    ended: endedAfter(io, command.ended),
    resize: () => Promise.resolve(),
    detach() {
      command.detach()
      io.destroy()
    },
  }
}

/** The command's end, once all of its output was read here. */
async function endedAfter(io: Duplex, ended: Promise<TerminalEnd>): Promise<TerminalEnd> {
  const end = await ended
  if (!io.closed) await once(io, 'close').catch(() => undefined)
  return end
}
