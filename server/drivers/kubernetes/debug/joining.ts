import { setTimeout as delay } from 'node:timers/promises'
import type { CommandStream, TerminalStream } from '../../../core/streams.ts'
import { attachCommand, attachTty, type CommandAttachment, type TtyAttachment } from './attach.ts'
import { joinCommand } from './command.ts'
import { ephemeralName } from './ephemeral.ts'
import { ephemeralStatus, type PodFacts } from '../catalog/pod.ts'
import { startingOf, type Joining, type PodOpening } from './open.ts'
import { readStart } from './progress.ts'
import { KubernetesTerminal } from './terminal.ts'
import type { Watched } from '../api/watch.ts'

const nudgeAfterMs = 400

export const byTerminal: Joining<TerminalStream, TtyAttachment> = {
  tty: true,
  attach: ({ client, spec }, place, signal) => attachTty(client, place, spec.size, signal),
  begin: beginTerminal,
  join: (joined) => new KubernetesTerminal(joined),
}

export const asCommand: Joining<CommandStream, CommandAttachment> = {
  tty: false,
  attach: ({ client }, place, signal) => attachCommand(client, place, signal),
  begin: async (_opening, attached) => attached.begin(),
  join: joinCommand,
}

/**
 * Resolves when there is output. A runtime may lose a size that comes while it sets up the terminal, so it is sent again
 * when nothing has come for a while. Throws when the launcher gave up in place of a shell.
 */
async function beginTerminal(opening: PodOpening, tty: TtyAttachment, pod: Watched<PodFacts>): Promise<void> {
  const { spec, target } = opening
  const { promise: output, resolve } = Promise.withResolvers<'output'>()
  const look = () => {
    if (tty.io.readableLength > 0) resolve('output')
  }
  tty.io.on('readable', look)
  const patience = new AbortController()
  const { signal } = patience
  try {
    const quiet = delay(nudgeAfterMs, 'quiet' as const, { signal }).catch(() => 'quiet' as const)
    const first = await Promise.race([output, quiet, tty.closed])
    if (first === 'output') return
    if (first === 'quiet') {
      tty.resize({ ...spec.size, rows: spec.size.rows === 2 ? 3 : spec.size.rows - 1 })
      tty.resize(spec.size)
      return
    }
    const told = () => {
      const facts = pod.items.get(target.uid)
      const name = ephemeralName(spec.sessionId)
      return facts !== undefined && ephemeralStatus(facts, name)?.state?.terminated !== undefined
        ? facts
        : undefined
    }
    for (let round = 0; round < 30 && told() === undefined; round += 1) await delay(100)
    const facts = told()
    const name = ephemeralName(spec.sessionId)
    const state = facts && readStart(facts, startingOf(opening))
    const code = facts && ephemeralStatus(facts, name)?.state?.terminated?.exitCode
    // A command that said nothing and is over is a terminal that has ended.
    if (state?.kind === 'failed' && code !== undefined && code >= 96 && code <= 98) throw state.error
  } finally {
    patience.abort()
    tty.io.off('readable', look)
  }
}
