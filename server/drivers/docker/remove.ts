import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../../core/errors.ts'
import type { DockerClient } from './client.ts'
import { dockerStatus } from './errors.ts'

/** So long a guard may take to end and reap what is below it, before the engine does it by force. */
const gentleMs = 2_000

/**
 * Ends and removes: its guard is asked first, because what the engine kills stays a zombie of the target; resolves when the engine no longer knows it. Idempotent: a container that removes itself
 * at the same time answers 409, then 404.
 */
export async function removeContainer(
  client: DockerClient,
  id: string,
  signal: AbortSignal = AbortSignal.timeout(20_000),
): Promise<void> {
  await endByGuard(client, id, signal)
  for (let attempt = 0; ; attempt += 1) {
    try {
      const query = { force: '1', v: '1' }
      const path = `/containers/${encodeURIComponent(id)}`
      await client.send({ method: 'DELETE', path, query, doing: 'remove the debug container', signal })
    } catch (cause) {
      const status = dockerStatus(cause)
      if (status === 404) return
      // 500: some engines answer so while the same removal is under way (moby#42119).
      if ((status !== 409 && status !== 500) || attempt >= 40) throw cause
    }
    if (attempt > 0) await delay(50, undefined, { signal }).catch(() => {})
    if (signal.aborted)
      throw new HatchwayError('timeout', `The debug container ${id} could not be removed in time.`)
  }
}

/** Never rejects: the removal tells what is wrong. */
async function endByGuard(client: DockerClient, id: string, signal: AbortSignal): Promise<void> {
  const path = `/containers/${encodeURIComponent(id)}`
  const call = { method: 'POST', doing: 'end the debug container', signal, timeoutMs: gentleMs } as const
  try {
    await client.json({ ...call, path: `${path}/kill`, query: { signal: 'TERM' } })
    await client.json({ ...call, path: `${path}/wait`, query: { condition: 'not-running' } })
  } catch {
    // It does not run, or does not listen.
  }
}
