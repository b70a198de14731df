import type { OpenTerminalState } from './open-terminal.ts'

type Facts = Pick<OpenTerminalState, 'end' | 'role'> & {
  session: Pick<OpenTerminalState['session'], 'state'>
  connection: Pick<OpenTerminalState['connection'], 'kind'>
}

/** Why nothing can be typed for the viewer now; undefined when it can. Pure. */
export function typingProblem({ end, role, session, connection }: Facts): string | undefined {
  if (end !== undefined || session.state === 'ended') return 'The session has ended. Commands can be copied.'
  if (session.state !== 'running') return 'There is no prompt yet.'
  if (connection.kind !== 'live') return 'There is no connection now.'
  if (role === 'controller') return undefined
  return 'You are watching. Only whoever controls the session can type; commands can be copied.'
}
