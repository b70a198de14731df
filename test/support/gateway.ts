import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { Problem } from '../../server/protocol/api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { imageRef } from './images.ts'
import { TerminalClient, type ConnectOptions } from './terminal-client.ts'
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts'

const main = fileURLToPath(new URL('../../server/main.ts', import.meta.url))
const scriptedMain = fileURLToPath(new URL('./scripted-gateway.ts', import.meta.url))

export const fullAccess = `
rules:
  - name: everything
    who: {everyone: true}
    actions: [list, open, watch, terminate, run, read-recording, read-audit]
    effect: allow
    copies: true
`

export interface GatewayOptions {
  /** YAML; the default lets everybody do everything. */
  policy?: string
  /** Merged over the default configuration, key by key at the top level. */
  config?: Record<string, unknown>
  /** Merged into `auth`; the gateway's own token issuer comes first among the issuers. */
  auth?: {
    oidc?: Record<string, unknown>
    issuers?: readonly Record<string, unknown>[]
    clockSkew?: string
    /** Default: as with a provider, which vouches for the same people as the token issuer. */
    samePeople?: boolean
    /** Gives out a one-time sign-in link, which is in the log. */
    localTokens?: boolean
  }
  socket?: string
  /** Another copy of the sources that its process runs. */
  sources?: string
  /** Terminals in memory in place of an engine, and only the first core: for the benchmark of the gateway alone. */
  scripted?: boolean
  /** No file of this process may grow beyond this many KiB: a disk that is full for the recording alone. */
  fileLimitKiB?: number
  /** V8's limit: garbage is collected below it, so that what the process keeps can be told, and too much ends it. */
  heapMiB?: number
  /** A module that the process loads first: for the benchmark that looks inside. */
  preload?: string
}

/** A gateway of its own: a real process with a data directory, a policy and a real token issuer. */
export class TestGateway {
  readonly url: string
  readonly directory: string
  readonly issuer: TokenIssuer
  /** The groups that a person's next tokens name. */
  readonly groups: Record<string, readonly string[]> = {}
  readonly #command: readonly string[]
  #process: ChildProcess | undefined
  #log = ''

  private constructor(url: string, directory: string, issuer: TokenIssuer, options: GatewayOptions) {
    this.url = url
    this.directory = directory
    this.issuer = issuer
    const config = join(directory, 'hatchway.yaml')
    const { scripted = false, fileLimitKiB, heapMiB, preload, sources } = options
    const started = sources === undefined ? main : join(sources, 'server/main.ts')
    const node = [
      process.execPath,
      ...(heapMiB === undefined ? [] : [`--max-old-space-size=${heapMiB}`]),
      ...(preload === undefined ? [] : ['--import', preload]),
    ]
    const limited = ['sh', '-c', `ulimit -f ${(fileLimitKiB ?? 0) * 2}; exec "$@"`, 'sh']
    this.#command = [
      ...(fileLimitKiB === undefined ? [] : limited),
      ...(scripted
        ? ['taskset', '-c', '0', ...node, scriptedMain, config]
        : [...node, started, 'serve', '--config', config]),
    ]
  }

  static async start(options: GatewayOptions = {}): Promise<TestGateway> {
    const directory = await mkdtemp(join(tmpdir(), 'hatchway-gateway-'))
    const issuer = await startTokenIssuer()
    const port = await freePort()
    const gateway = new TestGateway(`http://127.0.0.1:${port}`, directory, issuer, options)
    await writeFile(join(directory, 'policy.yaml'), options.policy ?? fullAccess)
    const config = {
      listen: { host: '127.0.0.1', port },
      dataDir: './data',
      auth: {
        ...(options.auth?.oidc !== undefined && { samePeople: true }),
        ...options.auth,
        issuers: [
          { issuer: issuer.issuer, audience: 'hatchway', jwksUri: issuer.jwksUri },
          ...(options.auth?.issuers ?? []),
        ],
      },
      environments: [{ id: 'local', kind: 'docker', socket: options.socket ?? '/var/run/docker.sock' }],
      toolboxes: [{ name: 'busybox', image: imageRef('toolbox'), shell: ['/bin/sh'] }],
      policy: './policy.yaml',
      ...options.config,
    }
    await writeFile(join(directory, 'hatchway.yaml'), stringify(config))
    try {
      await gateway.up()
    } catch (cause) {
      // Nobody else knows of it, and its process would keep the test's alive.
      await gateway.#leave('SIGKILL')
      throw cause
    }
    return gateway
  }

  get log(): string {
    return this.#log
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** Starts the process and waits until it is ready. */
  async up(): Promise<void> {
    const [program = '', ...args] = this.#command
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    const keep = (chunk: Buffer) => (this.#log += chunk.toString())
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const outcome = await eventually(
      async () => hasEnded(child) || ((await fetch(`${this.url}/livez`)).ok && 'ready'),
      { timeoutMs: 60_000, what: 'the gateway to answer' },
    )
    if (outcome !== 'ready') throw new Error(`The gateway ended: ${this.#log.slice(-2000)}`)
  }

  /** Ends the process with this signal and waits until it is gone. */
  async down(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || hasEnded(child)) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  /** Ends everything, also the sessions that are still live. */
  async stop(): Promise<void> {
    try {
      if (this.#process !== undefined) await this.endSessions()
    } finally {
      await this.#leave()
    }
  }

  async #leave(signal?: NodeJS.Signals): Promise<void> {
    await this.down(signal)
    await this.issuer.close()
    await rm(this.directory, { recursive: true, force: true })
  }

  async endSessions(): Promise<void> {
    const { items } = await this.api<{ items: Session[] }>(
      'GET',
      '/sessions?state=starting,running&limit=200',
    )
    await Promise.allSettled(items.map(({ id }) => this.api('DELETE', `/sessions/${id}`)))
  }

  token(subject = 'jane', claims: Record<string, unknown> = {}): Promise<string> {
    return this.issuer.sign({ sub: subject, name: subject, groups: this.groups[subject], ...claims })
  }

  /** A call by `who`; throws with the problem's code and words when it is refused. */
  async api<T>(method: string, path: string, body?: unknown, who = 'jane'): Promise<T> {
    const response = await this.fetch(method, path, body, who)
    const text = await response.text()
    if (!response.ok) {
      const problem = JSON.parse(text) as Problem
      throw new Error(`${method} ${path}: ${response.status} ${problem.code}: ${problem.detail}`)
    }
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  async fetch(method: string, path: string, body?: unknown, who = 'jane'): Promise<Response> {
    const headers: Record<string, string> = { authorization: `Bearer ${await this.token(who)}` }
    if (body !== undefined) headers['content-type'] = 'application/json'
    return fetch(`${this.url}/api/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  /** Opens a session and a terminal in it, and waits for its prompt. */
  async open(
    target: string,
    options: { body?: Record<string, unknown>; who?: string; terminal?: Partial<ConnectOptions> } = {},
  ): Promise<{ session: Session; terminal: TerminalClient }> {
    const who = options.who ?? 'jane'
    const session = await this.api<Session>('POST', '/sessions', { target, ...options.body }, who)
    const terminal = await this.connect(session.id, { ...options.terminal, who })
    await terminal.expect(/[#$] /)
    return { session, terminal }
  }

  async connect(
    sessionId: string,
    options: Partial<ConnectOptions> & { who?: string } = {},
  ): Promise<TerminalClient> {
    const { who = 'jane', ...rest } = options
    return TerminalClient.connect({ url: this.url, token: await this.token(who), sessionId, ...rest })
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
