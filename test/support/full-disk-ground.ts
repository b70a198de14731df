import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { loadConfig } from '../../server/config/config.ts'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { type Gateway, serve } from '../../server/start/serve.ts'
import { MemoryDriver } from '../drivers/memory-driver.ts'
import { hostInMemory } from '../drivers/memory-host.ts'
import { ScriptedPrograms } from '../drivers/scripted-program.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { SmallDisk } from './small-disk.ts'
import { TerminalClient } from './terminal-client.ts'
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts'

const policyOf = (more: object = {}) =>
  stringify({
    rules: [
      {
        name: 'strict',
        who: { groups: ['admins'] },
        where: { targets: ['web-1'] },
        actions: ['open', 'watch', 'terminate', 'run', 'read-recording', 'approve'],
        effect: 'allow',
        ...more,
      },
      {
        name: 'best effort',
        who: { groups: ['admins'] },
        where: { targets: ['web-2'] },
        actions: ['open', 'watch', 'terminate', 'read-recording'],
        effect: 'allow',
        recording: 'best-effort',
      },
      { name: 'the log', who: { groups: ['admins'] }, actions: ['read-audit'], effect: 'allow' },
      {
        name: 'asked for',
        who: { groups: ['askers'] },
        actions: ['open'],
        effect: 'require-approval',
        approval: { groups: ['admins'], count: 1 },
      },
    ],
  })

export interface Answer<T = Record<string, unknown>> {
  status: number
  headers: Headers
  body: T & { code?: string; detail?: string }
}

/** A whole gateway whose data is on a small disk, and the engine that goes on through its restarts. */
export class FullDiskGround {
  readonly disk: SmallDisk
  readonly programs = new ScriptedPrograms()
  readonly host = hostInMemory('local', this.programs, ['web-1', 'web-2'])
  /** The gateway's. */
  #driver: MemoryDriver | undefined
  readonly #issuer: TokenIssuer
  readonly #directory: string
  #gateway: Gateway | undefined

  private constructor(disk: SmallDisk, issuer: TokenIssuer, directory: string) {
    this.disk = disk
    this.#issuer = issuer
    this.#directory = directory
  }

  /** `path`: the disk's. */
  static async start(path: string): Promise<FullDiskGround> {
    const directory = await mkdtemp(join(tmpdir(), 'hatchway-full-'))
    const ground = new FullDiskGround(new SmallDisk(path), await startTokenIssuer(), directory)
    await ground.setPolicy()
    await ground.up()
    return ground
  }

  async setPolicy(more: object = {}): Promise<void> {
    await writeFile(join(this.#directory, 'policy.yaml'), policyOf(more))
  }

  async up(): Promise<void> {
    const path = join(this.#directory, 'hatchway.yaml')
    const { issuer, jwksUri } = this.#issuer
    const config = {
      listen: { host: '127.0.0.1', port: await freePort() },
      dataDir: join(this.disk.path, 'data'),
      auth: { issuers: [{ issuer, audience: 'hatchway', jwksUri }] },
      environments: [{ id: 'local', kind: 'docker', socket: '/nowhere' }],
      toolboxes: [{ name: 'busybox', image: 'busybox', shell: ['/bin/sh'] }],
      policy: join(this.#directory, 'policy.yaml'),
      limits: { sessionsPerUser: 50 },
      logLevel: 'fatal',
    }
    await writeFile(path, stringify(config))
    this.#gateway = await serve(loadConfig({ path, env: {} }), (_, _environment, installation) => {
      this.#driver = new MemoryDriver(this.host, installation)
      return this.#driver
    })
  }

  async down(): Promise<void> {
    await this.#gateway?.close()
    this.#gateway = undefined
  }

  /**
   * Another process on the same data. What SQLite writes ahead begins anew then: once it has become long, it is used again, and needs
   * no room on the disk.
   */
  async again(): Promise<void> {
    await this.down()
    await this.up()
  }

  /** Full, for what is written ahead too: each look at the log is an event. */
  async full(): Promise<void> {
    this.disk.fill()
    for (let looks = 0; looks < 5_000; looks++) {
      if ((await this.call('GET', '/api/v1/audit?limit=1')).status === 503) return
    }
    throw new Error('the log takes everything')
  }

  async stop(): Promise<void> {
    await this.down()
    await this.#issuer.close()
    await rm(this.#directory, { recursive: true })
  }

  async call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: object,
    who: 'admin' | 'asker' | 'nobody' = 'admin',
  ): Promise<Answer<T>> {
    const bearer = who === 'nobody' ? {} : { authorization: `Bearer ${await this.token(who)}` }
    const answer = await fetch(`${this.#gateway?.url}${path}`, {
      method,
      headers: { ...bearer, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json') === true && text.startsWith('{')
    const parsed = (isJson ? JSON.parse(text) : { text }) as Answer<T>['body']
    return { status: answer.status, headers: answer.headers, body: parsed }
  }

  token(who: 'admin' | 'asker'): Promise<string> {
    return this.#issuer.sign({ sub: who, name: who, groups: [`${who}s`] })
  }

  async session(id: string): Promise<Session> {
    return (await this.call<Session>('GET', `/api/v1/sessions/${id}`)).body
  }

  /** Asks for a session, as soon as the gateway has seen that there is room. */
  async begin(target = 'local/web-1', who: 'admin' | 'asker' = 'admin'): Promise<string> {
    return eventually(async () => {
      const { status, body } = await this.call<Session>('POST', '/api/v1/sessions', { target }, who)
      return (status === 201 || status === 202) && body.id
    })
  }

  /** Opens one and waits until it runs, or, of `asker`, until it waits for its approval. */
  async open(target = 'local/web-1', who: 'admin' | 'asker' = 'admin'): Promise<string> {
    const id = await this.begin(target, who)
    if (who === 'admin') await eventually(async () => (await this.session(id)).state === 'running')
    return id
  }

  async connect(sessionId: string): Promise<TerminalClient> {
    return TerminalClient.connect({
      url: this.#gateway?.url ?? '',
      token: await this.token('admin'),
      sessionId,
    })
  }

  async events(session: string, ...kinds: readonly string[]): Promise<AuditList['items']> {
    const path = `/api/v1/audit?session=${session}&kind=${kinds.join(',')}&limit=200`
    return (await this.call<AuditList>('GET', path)).body.items
  }

  async ready(): Promise<{ status: number; problems: string }> {
    const { status, body } = await this.call<{ parts: { problem?: string }[] }>(
      'GET',
      '/readyz',
      undefined,
      'nobody',
    )
    return { status, problems: body.parts.map(({ problem }) => problem ?? '').join(' ') }
  }

  /** Makes the disk full when the next debug container begins to run: its event and row are stored before that. */
  fillAtBegin(): void {
    const { programs } = this
    const begin = programs.terminal.bind(programs)
    programs.terminal = async (spec) => {
      programs.terminal = begin
      this.disk.fill()
      return await begin(spec)
    }
  }

  /** Makes the disk full when this is called of the engine the next time, and lets the engine do it. */
  fillAt(call: 'stop' | 'find'): void {
    const driver = this.#driver
    if (driver === undefined) throw new Error('there is no gateway')
    const real = driver[call] as (...args: unknown[]) => Promise<unknown>
    const full = (...args: unknown[]) => {
      this.disk.fill()
      driver[call] = real as never
      return real.apply(driver, args)
    }
    driver[call] = full as never
  }
}
