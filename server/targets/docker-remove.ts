import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../core/errors.ts'
import type { DockerClient } from './docker-client.ts'
import { dockerStatus } from './docker-errors.ts'

/**
 * Kills and removes; resolves when the engine no longer knows it. Idempotent: a container that removes itself
 * at the same time answers 409, then 404.
 */
export async function removeContainer(
  client: DockerClient,
  id: string,
  signal: AbortSignal = AbortSignal.timeout(20_000),
): Promise<void> {
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
