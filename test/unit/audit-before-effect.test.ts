/**
 * An event is written before its effect takes place. Each operation that changes something, or shows what is not for everybody, is
 * asked of a gateway whose log refuses: the answer is a failure, and nothing has happened. The operations are those of the OpenAPI
 * document: one without a row here fails.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { createSessionLedger } from '../../server/gateway/session-ledger.ts'
import { createSessionJudge } from '../../server/gateway/session-judge.ts'
import type { SessionRow } from '../../server/core/session.ts'
import type { Store } from '../../server/core/store.ts'
import type { AppParts } from '../../server/start/app-parts.ts'
import { openPolicyFile } from '../../server/policy/policy-file.ts'
import { SessionApprovals } from '../../server/sessions/life/approvals.ts'
import { eventually } from '../support/eventually.ts'
import { startHttpGateway, type HttpGateway } from '../support/http-gateway.ts'
import { everybodyMayAll, policyOf } from '../support/policies.ts'
import { sessionGround, type SessionGround } from '../support/session-ground.ts'

/** Everybody may do everything; what `askers` start waits for an approval, or goes by break-glass. */
const policy = policyOf(everybodyMayAll, {
  name: 'asked for',
  who: { groups: ['askers'] },
  actions: ['open', 'run'],
  effect: 'require-approval',
  approval: { groups: ['admins'] },
  breakGlass: { groups: ['askers'] },
})

interface Stage {
  gateway: HttpGateway
  ground: SessionGround
  admin: string
  asker: string
  desk: SessionApprovals
  /** What has taken effect: compared before and after. */
  effects: () => Promise<unknown>
  /** Effects that leave nothing to be looked at. */
  done: string[]
  /** A running session, one that has ended, a request that waits, one started by break-glass that has ended. */
  live: string
  past: string
  waiting: string
  broken: string
}

async function stage(t: { after(fn: () => unknown): void }): Promise<Stage> {
  const ground = await sessionGround(t, { policy, limits: { sessions: 50, sessionsPerUser: 50 } })
  const done: string[] = []
  const { registry, driver, host, refusing } = ground
  const desk = new SessionApprovals({
    store: createSessionLedger(refusing.store),
    registry,
    drivers: new Map([['local', driver]]),
    toolboxes: [{ name: 'busybox', image: 'busybox:1', shell: ['/bin/sh'] }],
    judge: (at) => createSessionJudge(policy.at(at)),
    notify: ({ kind }) => done.push(`told of ${kind}`),
    expiresAfterMs: 600_000,
    onProblem: (what) => done.push(`problem: ${what}`),
  })
  t.after(() => desk.close())
  const gateway = await startHttpGateway(t, { policy, change: (deps) => whole(deps, ground, desk, done) })
  const admin = await gateway.issuer.token('ann', { groups: ['admins'] })
  const asker = await gateway.issuer.token('abe', { groups: ['askers'] })
  const create = async (token: string, body: object = {}) => {
    const answer = await gateway.call('/api/v1/sessions', token, {
      method: 'POST',
      body: JSON.stringify({ target: 'local/web-1', reason: 'a test', ...body }),
    })
    const { id } = (await answer.json()) as { id: string }
    if (answer.status === 201) await running(ground, id)
    return id
  }
  const live = await create(admin)
  ground.programs.started.get(live)?.print('a secret of the session')
  const past = await create(admin)
  const broken = await create(asker, { breakGlass: true })
  for (const id of [past, broken]) await gateway.call(`/api/v1/sessions/${id}`, admin, { method: 'DELETE' })
  const waiting = await create(asker)
  const effects = async () => ({
    rows: (await refusing.store.listSessions({ limit: 100 })).items,
    live: registry.waiting.map(({ row }) => row.approval),
    viewers: registry.live(live)?.state.viewers.map(({ id, role }) => [id, role]),
    opened: host.begun.length,
    running: host.containers.length,
    logins: await gateway.store.findLogins({ issuer: gateway.issuer.issuer, subject: 'ann' }),
    done: [...done],
  })
  return { gateway, ground, admin, asker, desk, effects, done, live, past, waiting, broken }
}

async function running(ground: SessionGround, id: string): Promise<void> {
  await eventually(async () => (await ground.row(id)).target.resolved.imageDigest !== undefined)
}

function whole(
  deps: AppParts,
  ground: SessionGround,
  approvals: AppParts['approvals'],
  done: string[],
): Partial<AppParts> {
  const { refusing, registry, recordings, driver } = ground
  const who = {
    subject: 'ann',
    name: 'Ann',
    groups: [],
    issuer: 'provider',
    expiresAt: new Date(Date.now() + 60_000),
  }
  return {
    store: Object.assign(Object.create(refusing.store) as Store, {
      findLogins: async () => [{ principal: who } as never],
    }),
    sessions: registry,
    approvals,
    recordings,
    drivers: new Map([['local', driver]]),
    sample: {
      ref: 'local/sample',
      target: { environment: 'local', names: ['sample'], image: 'sample', labels: {} } as never,
      available: async () => true,
      start: async () => void done.push('sample started'),
    },
    verifyRecording: async () => {
      done.push('verified')
      return { whole: true, unaltered: true, checked: [] }
    },
    auth: {
      ...deps.auth,
      logins: {
        ...deps.auth.logins,
        removeAll: (query) => {
          done.push('logins removed')
          return deps.auth.logins.removeAll(query)
        },
      },
      provider: {
        issuer: 'provider',
        name: 'Provider',
        start: async () => ({ url: 'https://provider.example', pending: 'p', key: 'k' }),
        keyOf: () => 'k',
        returnTo: () => '/',
        finish: async () => ({
          who,
          endsAt: who.expiresAt,
          returnTo: '/',
          save: async () => {
            done.push('login saved')
            return { id: 'secret cookie' }
          },
        }),
        endSessionUrl: async () => undefined,
        readLogout: async () => ({ query: { issuer: 'provider', subject: 'ann' }, done: () => undefined }),
      },
    },
  }
}

type Ask = (stage: Stage) => Promise<Response>
const send = (
  method: string,
  path: (stage: Stage) => string,
  body?: object,
  as: 'admin' | 'asker' = 'admin',
): Ask => {
  return (on) => on.gateway.call(path(on), on[as], { method, ...(body && { body: JSON.stringify(body) }) })
}
const get = (path: (stage: Stage) => string) => send('GET', path)

/** Signed in by a cookie, which the next request brings. */
const signedIn =
  (method: string, path: string): Ask =>
  async ({ gateway, admin, ground }) => {
    ground.refusing.refuse()
    const token = JSON.stringify({ token: admin })
    const answer = await gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body: token })
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
    const login = await gateway.store.findLogins({ issuer: gateway.issuer.issuer, subject: 'ann' })
    ground.refusing.refuse('appendAudit')
    const refused = await gateway.call(path, undefined, { method, headers: { cookie, origin: gateway.url } })
    assert.deepEqual(await gateway.store.findLogins({ issuer: gateway.issuer.issuer, subject: 'ann' }), login)
    for (const { idHash } of login) await gateway.store.deleteLogin(idHash)
    return refused
  }

const target = { target: 'local/web-1', reason: 'a test' }
const approval = { decision: 'approve', reason: 'fine' }

/** Operations whose event comes before what they do: each is refused, and each leaves everything as it was. */
const audited: Record<string, readonly Ask[]> = {
  createSession: [
    send('POST', () => '/api/v1/sessions', target),
    send('POST', () => '/api/v1/sessions', target, 'asker'),
    send('POST', () => '/api/v1/sessions', { ...target, breakGlass: true }, 'asker'),
  ],
  createRun: [
    send('POST', () => '/api/v1/runs', { ...target, command: ['id'], timeoutSeconds: 5 }),
    send('POST', () => '/api/v1/runs', { ...target, command: ['id'], timeoutSeconds: 5 }, 'asker'),
  ],
  terminateSession: [
    send('DELETE', ({ live }) => `/api/v1/sessions/${live}`),
    send('DELETE', ({ waiting }) => `/api/v1/sessions/${waiting}`, undefined, 'asker'),
  ],
  decideSession: [
    send('POST', ({ waiting }) => `/api/v1/sessions/${waiting}/decision`, approval),
    send('POST', ({ waiting }) => `/api/v1/sessions/${waiting}/decision`, { decision: 'deny', reason: 'no' }),
  ],
  reviewSession: [
    send('POST', ({ broken }) => `/api/v1/sessions/${broken}/review`, {
      verdict: 'justified',
      reason: 'fine',
    }),
  ],
  getRecording: [
    get(({ past }) => `/api/v1/sessions/${past}/recording`),
    get(({ live }) => `/api/v1/sessions/${live}/recording?format=text`),
    get(({ past }) => `/api/v1/sessions/${past}/recording?download=true`),
  ],
  verifyRecording: [get(({ past }) => `/api/v1/sessions/${past}/verification`)],
  listAudit: [get(() => '/api/v1/audit')],
  explainPolicy: [get(() => '/api/v1/policy/explain?action=open&target=local/web-1&user=bob')],
  simulatePolicy: [
    send('POST', () => '/api/v1/policy/simulate', {
      policy: 'rules: []',
      user: 'bob',
      groups: [],
      action: 'read-audit',
    }),
  ],
  startSample: [send('POST', () => '/api/v1/sample')],
  signIn: [
    ({ gateway, admin }) =>
      gateway.call('/api/v1/auth/session', undefined, {
        method: 'POST',
        body: JSON.stringify({ token: admin }),
      }),
    ({ gateway }) =>
      gateway.call('/api/v1/auth/session', undefined, {
        method: 'POST',
        body: JSON.stringify({ token: 'bad' }),
      }),
  ],
  signOut: [signedIn('DELETE', '/api/v1/auth/session')],
  signOutEverywhere: [send('DELETE', () => '/api/v1/auth/sessions')],
  finishProviderSignIn: [
    async ({ gateway }) => {
      const answer = await gateway.call('/api/v1/auth/oidc/callback?state=s&code=c')
      assert.match(answer.headers.get('location') ?? '', /problem=store_unavailable/)
      assert.ok(!/session=|hatchway=/.test(answer.headers.get('set-cookie') ?? ''))
      return new Response(null, { status: 503 })
    },
  ],
  backChannelLogout: [
    ({ gateway }) =>
      gateway.call('/api/v1/auth/oidc/back-channel-logout', undefined, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'logout_token=t',
      }),
  ],
}

/** Of `openTerminal`: the table of the socket below. */
const socketOperation = 'openTerminal'

/** Operations that change nothing and show what the caller may see anyway. */
const free = [
  'live',
  'ready',
  'metrics',
  'getMe',
  'getSignInOptions',
  'startProviderSignIn',
  'getSample',
  'listEnvironments',
  'listTargets',
  'getTarget',
  'listSessions',
  'getSession',
  'listSessionRunbooks',
  'listApprovals',
  // A credential for the socket, whose use is an event.
  'createTerminalTicket',
]

describe('an event before its effect', () => {
  it('has a row for each operation of the API', async (t) => {
    const { gateway } = await stage(t)
    const document = (await (await gateway.call('/api/openapi.json')).json()) as {
      paths: Record<string, Record<string, { operationId?: string }>>
    }
    const operations = Object.values(document.paths).flatMap((path) =>
      Object.values(path).flatMap(({ operationId }) => operationId ?? []),
    )
    const rows = [...Object.keys(audited), ...free, socketOperation]
    assert.deepEqual(operations.toSorted(), rows.toSorted())
  })

  it('is refused, and has changed and shown nothing, where the log takes nothing', async (t) => {
    const on = await stage(t)
    for (const [operation, asks] of Object.entries(audited)) {
      for (const [index, ask] of asks.entries()) {
        on.ground.refusing.refused.length = 0
        on.ground.refusing.refuse('appendAudit')
        const before = await on.effects()
        const answer = await ask(on)
        const body = await answer.text()
        const what = `${operation} ${index}: ${answer.status} ${body.slice(0, 300)}`
        assert.equal(answer.status, 503, what)
        assert.ok(!body.includes('secret'), what)
        assert.equal(answer.headers.get('set-cookie')?.includes('secret') ?? false, false, what)
        assert.deepEqual(await on.effects(), before, what)
        assert.ok(on.ground.refusing.refused.includes('appendAudit'), `${what}: it asked the log for nothing`)
        on.ground.refusing.refuse()
      }
    }
  })

  it('holds for what is refused to a caller, who is told nothing else', async (t) => {
    const on = await stage(t)
    on.ground.refusing.refuse('appendAudit')
    const stranger = await on.gateway.issuer.token('eve', { groups: ['strangers', 'askers'] })
    const answer = await on.gateway.call(`/api/v1/sessions/${on.waiting}/decision`, stranger, {
      method: 'POST',
      body: JSON.stringify(approval),
    })
    assert.equal(answer.status, 503)
  })

  it('holds for joins and for control: nothing is sent, and nobody loses the keyboard', async (t) => {
    const on = await stage(t)
    const { refusing, registry } = on.ground
    const bob = await on.gateway.issuer.token('bob', { groups: ['admins'] })
    const first = await connect(on, on.admin)
    await first.until(() => first.control.some(({ type }) => type === 'hello'))
    const second = await connect(on, bob)
    await second.until(() => second.control.some(({ type }) => type === 'hello'))
    const before = registry.live(on.live)?.state.viewers

    refusing.refuse('appendAudit')
    second.socket.send(JSON.stringify({ type: 'take-control' }))
    await second.until(() => second.control.some(({ type, level }) => type === 'notice' && level === 'error'))
    assert.deepEqual(registry.live(on.live)?.state.viewers, before)
    assert.equal(first.socket.readyState, WebSocket.OPEN)

    const third = await connect(on, bob)
    const [code] = (await once(third.socket, 'close')) as [number]
    assert.equal(code, 1011)
    assert.deepEqual([third.control, third.bytes], [[], 0])
    assert.deepEqual(registry.live(on.live)?.state.viewers, before)
    for (const { socket } of [first, second]) socket.terminate()
  })

  it('holds for the row of an opening and for an approved start, whose event may be all that the store took', async (t) => {
    const on = await stage(t)
    const { refusing, registry, host } = on.ground
    const opened = host.begun.length
    refusing.refuse('createSession')
    const answer = await on.gateway.call('/api/v1/sessions', on.admin, {
      method: 'POST',
      body: JSON.stringify(target),
    })
    assert.equal(answer.status, 503)
    // The vote is written; the event of the start is not.
    const events: string[] = []
    refusing.refuses = (method, [event]) => {
      if (method === 'appendAudit') events.push((event as { kind: string }).kind)
      return events.at(-1) === 'opened'
    }
    const vote = await on.gateway.call(`/api/v1/sessions/${on.waiting}/decision`, on.admin, {
      method: 'POST',
      body: JSON.stringify(approval),
    })
    assert.equal(vote.status, 503)
    assert.deepEqual(events, ['approved', 'opened'])
    assert.equal(registry.live(on.waiting)?.row.state, 'pending-approval')
    // Neither is anything opened whose row says that it waits.
    refusing.refuses = (method, [, change]) =>
      method === 'updateSession' && (change as Partial<SessionRow>).state === 'starting'
    await on.desk.recheck()
    assert.equal(registry.live(on.waiting)?.row.state, 'pending-approval')
    assert.equal(host.begun.length, opened)
    refusing.refuse()
    await on.desk.recheck()
    await running(on.ground, on.waiting)
    assert.equal(host.begun.length, opened + 1)
  })

  it('holds for a policy that has changed: it is in force once that is written', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'hatchway-policy-'))
    t.after(() => rm(directory, { recursive: true }))
    const path = join(directory, 'policy.yaml')
    const rule = (name: string) =>
      `rules:\n  - {name: ${name}, who: {everyone: true}, actions: [list], effect: allow}\n`
    await writeFile(path, rule('before'))
    let refuses = true
    const problems: string[] = []
    const reloaded: string[] = []
    const file = await openPolicyFile({
      path,
      pollMs: 20,
      beforeReload: async () => {
        if (refuses) throw new Error('the store is full')
      },
      onReload: (version) => reloaded.push(version),
      onError: ({ message }) => problems.push(message),
    })
    t.after(() => file.close())
    const { version } = file
    await writeFile(path, rule('after'))
    const alive = setInterval(() => undefined, 1000)
    await eventually(() => problems.length > 0)
    assert.match(problems[0] ?? '', /not in force yet: the store is full/)
    assert.deepEqual([file.version, reloaded], [version, []])
    refuses = false
    await eventually(() => reloaded.length > 0).finally(() => clearInterval(alive))
    assert.notEqual(file.version, version)
    assert.equal(problems.length, 1)
  })
})

interface Client {
  socket: WebSocket
  control: { type: string; level?: string }[]
  bytes: number
  until(check: () => boolean): Promise<unknown>
}

async function connect(on: Stage, token: string): Promise<Client> {
  const address = `${on.gateway.url.replace('http', 'ws')}/api/v1/sessions/${on.live}/terminal`
  const headers = { authorization: `Bearer ${token}` }
  const socket = new WebSocket(address, ['hatchway.v1'], { headers })
  const client: Client = {
    socket,
    control: [],
    bytes: 0,
    until: (check) => eventually(check),
  }
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) client.bytes += data.length
    else client.control.push(JSON.parse(data.toString()) as { type: string })
  })
  await once(socket, 'open')
  return client
}
