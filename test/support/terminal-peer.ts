import type { Principal } from '../../server/core/policy.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import type { ServerMessage } from '../../server/protocol/terminal.ts'
import type { DebugSession } from '../../server/sessions/life/debug-session.ts'
import type { ViewerHandle, ViewerSocket } from '../../server/sessions/sessions.ts'
import { jane } from './session-ground.ts'

/** A viewer without a line between: it keeps what it is told, and acknowledges what the test says. */
export class TerminalPeer implements ViewerSocket {
  readonly messages: ServerMessage[] = []
  output = ''
  closed: string | undefined
  isPaused = false
  handle!: ViewerHandle

  static async join(
    session: DebugSession,
    { who = jane, role = 'controller' }: { who?: Principal; role?: 'controller' | 'observer' } = {},
  ): Promise<TerminalPeer> {
    const peer = new TerminalPeer()
    peer.handle = await session.join(peer, {
      who,
      from: '127.0.0.1',
      role,
      mayControl: true,
      describe: () => ({}) as Session,
    })
    return peer
  }

  get role(): string | undefined {
    return this.messages.find((message) => message.type === 'hello')?.role
  }

  send(message: ServerMessage): void {
    this.messages.push(message)
  }

  sendBytes(bytes: Uint8Array): void {
    this.output += Buffer.from(bytes).toString()
  }

  close(_code: number, reason: string): void {
    this.closed = reason
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }
}
