import type { Session } from '../../server/protocol/session-api.ts'
import type { BrowserGateway } from './browser-gateway.ts'
import { eventually } from './eventually.ts'

/** Runs these lines in a session, ends it, and waits until its recording is sealed. Gives the session's id. */
export async function recordSession(
  { gateway }: BrowserGateway,
  target: string,
  lines: readonly string[],
  body: Record<string, unknown> = {},
): Promise<string> {
  const { session, terminal } = await gateway.open(target, { body })
  for (const line of lines) await terminal.run(line, 30_000)
  terminal.type('exit\n')
  await terminal.closed
  await eventually(async () => {
    const { recording } = await gateway.api<Session>('GET', `/sessions/${session.id}`)
    return recording.state === 'sealed'
  })
  return session.id
}
