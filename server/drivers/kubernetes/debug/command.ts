import { once } from 'node:events'
import type { CommandStream } from '../../../core/streams.ts'
import { commandOutput } from '../../shared/streams.ts'
import type { CommandAttachment } from './attach.ts'
import { StreamLife, type Joined } from './stream-life.ts'

/** A command in a debug container of a pod. */
export function joinCommand(joined: Joined<CommandAttachment>): CommandStream {
  const { output } = joined.attached
  const life = new StreamLife(joined)
  const end = async () => {
    // `close` follows `end`, which follows the last piece.
    if (!output.closed) await once(output, 'close').catch(() => {})
    return await life.end()
  }
  return { kind: 'command', output: commandOutput(output), ended: end(), detach: () => life.detach() }
}
