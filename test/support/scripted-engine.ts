import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

/** An answer: a status with a JSON body, or a function that answers by itself. */
export type Scripted =
  | { status?: number; body: unknown }
  | ((request: IncomingMessage, response: ServerResponse) => void)

/** What there is of one container, as the engine's own words: change it as an engine would. */
export interface ScriptedContainer {
  row: Record<string, unknown>
  inspect: unknown
}

/**
 * Something that answers like a Docker engine, on a unix socket, with whatever answers a test gives it: what a real engine can't
 * be brought to say. `answers` is asked first, by `<method> <path>` without version and query.
 */
export class ScriptedEngine {
  readonly socket: string
  readonly answers = new Map<string, Scripted>()
  readonly containers = new Map<string, ScriptedContainer>()
  /** `<method> <path>` of each request, in the order in which they came. */
  readonly asked: string[] = []
  /** False: the event stream is refused. */
  tellsEvents = true
  readonly #directory: string
  readonly #events = new Set<ServerResponse>()
  #server = createServer()

  private constructor(directory: string) {
    this.#directory = directory
    this.socket = join(directory, 'engine.sock')
    this.answers.set('GET /_ping', { body: 'OK' })
    this.answers.set('GET /version', { body: { ApiVersion: '1.41', Os: 'linux', Arch: 'amd64' } })
    this.answers.set('GET /info', { body: { OSType: 'linux', SecurityOptions: ['name=seccomp'] } })
  }

  static async start(): Promise<ScriptedEngine> {
    const engine = new ScriptedEngine(await mkdtemp(join(tmpdir(), 'hatchway-engine-')))
    await engine.up()
    return engine
  }

  /** A container that runs and whose every field is as Docker's. */
  add(name: string, { row = {}, inspect = {} }: { row?: object; inspect?: object } = {}): string {
    const id = Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64)
    this.containers.set(id, {
      row: {
        Id: id,
        Names: [`/${name}`],
        Image: 'app:1',
        ImageID: 'sha256:app',
        Created: 1_760_000_000,
        Ports: [],
        Labels: {},
        State: 'running',
        Status: 'Up 2 hours',
        HostConfig: { NetworkMode: 'default' },
        ...row,
      },
      inspect: {
        Id: id,
        Name: `/${name}`,
        Image: 'sha256:app',
        State: { Status: 'running', Running: true, Pid: 0, StartedAt: '2026-01-01T00:00:00Z' },
        HostConfig: { NetworkMode: 'default' },
        Config: { User: '65532:65532', Labels: {} },
        Mounts: [],
        ...inspect,
      },
    })
    return id
  }

  /** Tells those who listen that something has happened to a container. */
  tell(event: string, id: string): void {
    const line = JSON.stringify({ Type: 'container', Action: event, Actor: { ID: id, Attributes: {} } })
    this.write(`${line}\n`)
  }

  /** Says this, as it is, to those who listen to events. */
  write(text: string): void {
    for (const response of this.#events) response.write(text)
  }

  /** Breaks the connections of those who listen to events, and no others. */
  endEvents(): void {
    for (const response of this.#events) response.destroy()
  }

  /** Resolves once somebody listens to events. */
  async listened(): Promise<void> {
    await eventually(() => this.#events.size > 0, { what: 'somebody to listen to events' })
  }

  /** How often this was asked, by the beginning of `<method> <path>`. */
  count(start: string): number {
    return this.asked.filter((line) => line.startsWith(start)).length
  }

  async up(): Promise<void> {
    this.#server = createServer((request, response) => this.#answer(request, response))
    this.#server.listen(this.socket)
    await once(this.#server, 'listening')
  }

  /** Ends every connection and takes no more, as an engine that is restarted. */
  async down(): Promise<void> {
    this.#events.clear()
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.down()
    await rm(this.#directory, { recursive: true, force: true })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://engine')
    const path = url.pathname.replace(/^\/v\d+\.\d+/, '')
    const asked = `${request.method} ${path}`
    this.asked.push(asked)
    const scripted = this.answers.get(asked)
    if (typeof scripted === 'function') scripted(request, response)
    else if (scripted !== undefined) send(response, scripted.status ?? 200, scripted.body)
    else if (path === '/events') this.#listen(response)
    else if (path === '/containers/json') send(response, 200, this.#rows(url))
    else this.#inspect(path, response)
  }

  #listen(response: ServerResponse): void {
    if (!this.tellsEvents) return send(response, 500, { message: 'no events' })
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    this.#events.add(response)
    response.once('close', () => this.#events.delete(response))
  }

  #rows(url: URL): unknown[] {
    const filters = JSON.parse(url.searchParams.get('filters') ?? '{}') as Record<string, string[]>
    const rows = [...this.containers.values()].map(({ row }) => row)
    return rows.filter(
      ({ Id, Names, Labels }) =>
        (filters['id']?.includes(String(Id)) ?? true) &&
        (filters['name']?.some((name) => new RegExp(name).test(String(Names))) ?? true) &&
        (filters['label']?.every((label) => hasLabel(Labels, label)) ?? true),
    )
  }

  #inspect(path: string, response: ServerResponse): void {
    const [, reference = ''] = /^\/containers\/([^/]+)\/json$/.exec(path) ?? []
    const container =
      this.containers.get(reference) ??
      [...this.containers.values()].find(({ row }) => String(row['Names']) === `/${reference}`)
    if (container === undefined) send(response, 404, { message: `No such container: ${reference || path}` })
    else send(response, 200, container.inspect)
  }
}

function hasLabel(labels: unknown, wanted: string): boolean {
  const pairs = Object.entries((labels ?? {}) as Record<string, string>)
  return pairs.some(([key, value]) => `${key}=${value}` === wanted)
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
