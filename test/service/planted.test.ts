import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Run } from '../../server/protocol/run-api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { TestGateway } from '../support/gateway.ts'
import { changedBy, plantInCopy, type Plant } from '../support/planted-sources.ts'

const run = promisify(execFile)

/** A driver of an engine with one container, in which every command is said back. */
const driver: Plant = {
  own: {
    'server/drivers/hello/driver.ts': `import type { Opened, TargetAccess, TargetDriver } from '../../core/driver.ts'
import { HatchwayError } from '../../core/errors.ts'
import type { CommandStream } from '../../core/streams.ts'
import type { Target } from '../../core/target.ts'

const identity = { uid: 1, gid: 1, groups: [], capabilities: [], seesFiles: true, explanation: 'As 1.' }

export class HelloDriver implements TargetDriver, TargetAccess {
  readonly kind = 'docker'
  readonly capabilities = { copies: false }
  readonly environment: string
  constructor(environment: string) {
    this.environment = environment
  }
  as = () => this
  check = async () => {}
  stop = async () => {}
  listOwned = async () => []
  close = () => {}
  list = async () => [this.#target]
  find = async () => this.#target
  identify = async () => identity
  open = async () => {
    throw new HatchwayError('invalid_request', 'It has no terminals.')
  }
  reattach = async () => {
    throw new HatchwayError('session_ended', 'It has ended.')
  }
  run: TargetAccess['run'] = async ({ sessionId, command = [] }) => {
    const bytes = new TextEncoder().encode(command.join(' '))
    const { promise: ended, resolve } = Promise.withResolvers<{ kind: 'exit'; exitCode: number }>()
    const read: CommandStream['output']['read'] = (onPiece) => {
      onPiece({ stream: 'stdout', bytes })
      resolve({ kind: 'exit', exitCode: 0 })
    }
    const output = { read, pause: () => {}, resume: () => {} }
    const stream: CommandStream = { kind: 'command', output, ended, detach: () => {} }
    const container = { environment: this.environment, id: 'hello', sessionId, targetId: 'only' }
    return { container, stream, identity, imageId: Promise.resolve(''), notices: [] } satisfies Opened<CommandStream>
  }
  get #target(): Target {
    return {
      ref: { kind: 'docker', environment: this.environment, container: 'only' },
      id: 'only',
      name: 'only',
      image: 'hello:1',
      state: 'running',
      status: 'Up',
      createdAt: new Date(0),
      labels: {},
      ports: [],
      facts: [],
      warnings: [],
    }
  }
}
`,
  },
  edits: [
    {
      file: 'server/config/environment-schema.ts',
      from: 'export type Environment = DockerEnvironment |',
      to: "export type Environment = { id: string; kind: 'hello' } | DockerEnvironment |",
    },
    {
      file: 'server/config/environment-schema.ts',
      from: '[docker(source), kubernetes(source)]',
      to: "[docker(source), kubernetes(source), section({ id: environmentId(), kind: z.literal('hello') })]",
    },
    {
      file: 'server/config/environment-schema.ts',
      from: "  if (environment.kind === 'kubernetes')",
      to: "  if (environment.kind === 'hello') return environment\n  if (environment.kind === 'kubernetes')",
    },
    {
      file: 'server/start/create-drivers.ts',
      from: '  docker: async',
      to: "  hello: async (_, { id }) => new (await import('../drivers/hello/driver.ts')).HelloDriver(id),\n  docker: async",
    },
  ],
}

/** A kind of session that greets somebody: with a detail, a right and a route of its own. */
const kind: Plant = {
  own: {
    'server/sessions/kinds/greeting.ts': `import { command } from './command.ts'
import type { SessionKind } from './session-kind.ts'

export const greeting: SessionKind = {
  ...command,
  name: 'greeting',
  noun: 'greeting',
  spec: ({ whom }) => ({ command: ['hello', String(whom)] }),
  facts: ({ whom }) => ({ whom: String(whom) }),
  describe: () => ({}),
}
`,
    'server/http/greeting-routes.ts': `import { z } from 'zod'
import type { SessionCases } from '../gateway/sessions.ts'
import { callerOf } from './authenticate.ts'
import { callerSignal } from './caller-signal.ts'
import type { TypedApp } from './typed-app.ts'

export function registerGreetingRoutes(app: TypedApp, sessions: SessionCases): void {
  const body = z.strictObject({ target: z.string(), whom: z.string() })
  const schema = { operationId: 'greet', body, response: { 200: z.object({ id: z.string(), said: z.string() }) } }
  app.post('/api/v1/greetings', { schema }, async (request) => {
    const { target, whom } = request.body
    const done = await sessions.greet(callerOf(request), target, whom, callerSignal(request))
    return { id: done.row.id, said: 'stdout' in done ? done.stdout.bytes.toString() : '' }
  })
}
`,
  },
  edits: [
    {
      file: 'server/core/vocabulary.ts',
      from: "sessionKinds = ['terminal', 'command']",
      to: "sessionKinds = ['terminal', 'command', 'greeting']",
    },
    {
      file: 'server/sessions/kinds/kinds.ts',
      from: '{ terminal, command }',
      to: '{ terminal, command, greeting }',
    },
    {
      file: 'server/sessions/kinds/kinds.ts',
      from: 'import { terminal }',
      to: "import { greeting } from './greeting.ts'\nimport { terminal }",
    },
    {
      file: 'server/gateway/open-session.ts',
      from: '/**\n * Finds the target, asks policy',
      to: `export async function greet(
  deps: OpenSessionDeps,
  caller: Caller,
  target: string,
  whom: string,
  signal: AbortSignal,
): Promise<RunOutcome | SessionRow> {
  const started = { kind: 'greeting', detail: { whom } } as const
  const { request, decision } = await decideStart(deps, caller, started, { target }, signal)
  if (decision.effect === 'allow') return await deps.sessions.run(request, signal)
  return await askForApproval(deps, caller, request, decision, signal)
}

/**
 * Finds the target, asks policy`,
    },
    {
      file: 'server/gateway/sessions.ts',
      from: '  get(caller: Caller, id: string): Promise<SessionView>\n',
      to: `  greet(caller: Caller, target: string, whom: string, signal: AbortSignal): Promise<RunOutcome | SessionView>
  get(caller: Caller, id: string): Promise<SessionView>
`,
    },
    {
      file: 'server/gateway/sessions.ts',
      from: '    get: async (caller, id) =>',
      to: `    async greet(caller, target, whom, signal) {
      const done = await greet(deps, caller, target, whom, signal)
      return 'stdout' in done ? done : view(caller.who, done)
    },
    get: async (caller, id) =>`,
    },
    { file: 'server/gateway/sessions.ts', from: '  openSession,\n', to: '  greet,\n  openSession,\n' },
    {
      file: 'server/start/app.ts',
      from: '  registerRunRoutes(app, sessions)',
      to: '  registerRunRoutes(app, sessions)\n  registerGreetingRoutes(app, sessions)',
    },
    {
      file: 'server/start/app.ts',
      from: 'import { registerRunRoutes }',
      to: "import { registerGreetingRoutes } from '../http/greeting-routes.ts'\nimport { registerRunRoutes }",
    },
  ],
}

describe('the house has room', () => {
  let copy: Awaited<ReturnType<typeof plantInCopy>>
  let gateway: TestGateway
  before(async () => {
    copy = await plantInCopy(driver, kind)
    gateway = await TestGateway.start({
      sources: copy.root,
      config: { environments: [{ id: 'local', kind: 'hello' }] },
    })
  })
  after(async () => {
    await gateway?.stop()
    await copy.remove()
  })

  it('for a driver: its folder, its configuration, and a line where drivers are made', () => {
    assert.deepEqual(changedBy(driver), [
      'server/config/environment-schema.ts',
      'server/start/create-drivers.ts',
    ])
    assert.equal(driver.edits.filter(({ file }) => file.includes('/start/')).length, 1)
  })

  it('for a kind of session: at most eight files beside its own', () => {
    const changed = changedBy(kind)
    assert.ok(changed.length <= 8, changed.join(', '))
  })

  it('and takes both as its compiler and its boundaries want it', async () => {
    const bin = 'node_modules/.bin'
    await run(`${bin}/tsc`, ['--noEmit', '-p', '.'], { cwd: copy.root })
    await run(`${bin}/oxlint`, ['--deny-warnings', 'server'], { cwd: copy.root })
  })

  it('and serves both: decided, recorded, audited and listed like all others', async () => {
    const { id, said } = await gateway.api<{ id: string; said: string }>('POST', '/greetings', {
      target: 'local/only',
      whom: 'Ada',
    })
    assert.equal(said, 'hello Ada')
    const session = await gateway.api<Session>('GET', `/sessions/${id}`)
    assert.deepEqual(
      [session.state, session.can.control, session.recording.state],
      ['ended', false, 'sealed'],
    )
    const { items } = await gateway.api<AuditList>('GET', `/audit?session=${id}&kind=opened`)
    assert.deepEqual(
      items.map(({ action, detail }) => [action, detail?.['whom']]),
      [['run', 'Ada']],
    )
    const command = { target: 'local/only', command: ['as', 'before'], timeoutSeconds: 5 }
    const { stdout } = await gateway.api<Run>('POST', '/runs', command)
    assert.equal(stdout, 'as before')
  })
})
