import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import { stringify } from 'yaml'
import { loadConfig } from '../../server/config/config.ts'
import type { Problem } from '../../server/protocol/api.ts'
import { serve } from '../../server/start/serve.ts'
import { echoDriver } from '../drivers/echo-driver.ts'
import { freePort } from './free-port.ts'
import { TerminalClient } from './terminal-client.ts'
import { startTokenIssuer } from './token-issuer.ts'

/** A whole gateway within the test's process, with scripted terminals, whose clock and intervals the test moves on. */
export interface TimedGateway {
  api<T>(method: string, path: string, body: object | undefined, who: Person): Promise<T>
  connect(sessionId: string, who: Person, options?: { role?: 'observer' }): Promise<TerminalClient>
  stop(): Promise<void>
}

export interface Person {
  subject: string
  groups: readonly string[]
}

/** Until `stop` the process has no other clock: nothing else may wait for `setInterval` or look at the time. */
export async function startTimedGateway(policy: string, now: Date): Promise<TimedGateway> {
  mock.timers.enable({ apis: ['Date', 'setInterval'], now })
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-timed-'))
  const issuer = await startTokenIssuer()
  await writeFile(join(directory, 'policy.yaml'), policy)
  const config = {
    listen: { host: '127.0.0.1', port: await freePort() },
    dataDir: './data',
    auth: { issuers: [{ issuer: issuer.issuer, audience: 'hatchway', jwksUri: issuer.jwksUri }] },
    environments: [{ id: 'local', kind: 'docker', socket: '/nowhere' }],
    toolboxes: [{ name: 'busybox', image: 'busybox', shell: ['/bin/sh'] }],
    policy: './policy.yaml',
    logLevel: 'error',
  }
  const path = join(directory, 'hatchway.yaml')
  await writeFile(path, stringify(config))
  const gateway = await serve(loadConfig({ path, env: {} }), (_, { id }, installation) =>
    echoDriver(id, installation),
  )
  const token = ({ subject, groups }: Person) => issuer.sign({ sub: subject, name: subject, groups })
  return {
    async api<T>(method: string, path: string, body: object | undefined, who: Person): Promise<T> {
      const response = await fetch(`${gateway.url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${await token(who)}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const answer: unknown = await response.json()
      if (response.ok) return answer as T
      throw new Error(`${response.status} ${(answer as Problem).code}: ${(answer as Problem).detail}`)
    },
    async connect(sessionId, who, options = {}) {
      return TerminalClient.connect({ url: gateway.url, token: await token(who), sessionId, ...options })
    },
    async stop() {
      await gateway.close()
      await issuer.close()
      await rm(directory, { recursive: true, force: true })
      mock.timers.reset()
    },
  }
}
