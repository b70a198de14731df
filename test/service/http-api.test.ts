import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { AuditEvent } from '../../server/protocol/audit-api.ts'
import type { SessionList, Session, Verification } from '../../server/protocol/session-api.ts'
import type { TargetDetail, TargetList } from '../../server/protocol/target-api.ts'
import { auditKinds } from '../../server/core/vocabulary.ts'
import { eventually } from '../support/eventually.ts'
import { sharedHttpGateway, startHttpGateway, type HttpGateway } from '../support/http-gateway.ts'
import { adminsMayAll, policyOf, rule } from '../support/policies.ts'
import { within } from '../support/within.ts'

/** lister sees web-*; opener opens web-1 with a reason; watcher watches web-1; auditor and reader read; asker has to ask. */
const policy = policyOf(
  adminsMayAll,
  rule('lister', ['list'], ['web*']),
  { ...rule('opener', ['list'], ['web*']), name: 'opener sees' },
  {
    ...rule('opener', ['open'], ['web-1']),
    name: 'opener opens',
    toolboxes: ['busybox'],
    requireReason: true,
    maxDuration: '1h',
  },
  rule('watcher', ['watch'], ['web-1']),
  rule('reader', ['read-recording']),
  rule('auditor', ['read-audit']),
  {
    ...rule('asker', ['open'], ['web-1']),
    effect: 'require-approval',
    approval: { groups: ['admins'] },
  },
)

const admin = { groups: ['admins'] }
const names = (list: TargetList) => list.items.map(({ name }) => name)

async function json<T>(answer: Response | Promise<Response>, status = 200): Promise<T> {
  const resolved = await answer
  const text = await resolved.text()
  assert.equal(resolved.status, status, text)
  return JSON.parse(text) as T
}

async function open(gateway: HttpGateway, subject: string, body: object, options = {}): Promise<Response> {
  const token = await gateway.issuer.token(subject, options)
  return await gateway.call('/api/v1/sessions', token, { method: 'POST', body: JSON.stringify(body) })
}

/** What sessions do by themselves, at any moment. */
const ofSessions = ['started', 'ended']
const kindsOfPeople = auditKinds.filter((kind) => !ofSessions.includes(kind))

/** The newest event of what somebody did. */
async function lastAudit(gateway: HttpGateway) {
  const event = (await gateway.store.listAudit({ kinds: kindsOfPeople, limit: 1 })).items[0]
  return (
    event && {
      kind: event.kind,
      who: event.who?.subject,
      action: event.action,
      target: event.target,
      rule: event.rule,
    }
  )
}

/** The session has shown its prompt, which is recorded. */
async function untilPrompt(gateway: HttpGateway, id: string): Promise<void> {
  const token = await gateway.issuer.token('root', admin)
  await eventually(async () => {
    const answer = await gateway.call(`/api/v1/sessions/${id}/recording`, token)
    return (await answer.text()).includes('$ ')
  })
}

describe('targets', () => {
  const shared = sharedHttpGateway({ policy })

  it('lists what policy lets the caller see', async () => {
    const gateway = shared()
    const cases: [string, object, string[]][] = [
      ['root', admin, ['vault', 'web-1', 'web-2', 'cache']],
      ['lister', {}, ['web-1', 'web-2']],
      ['nobody', {}, []],
    ]
    for (const [subject, options, expected] of cases) {
      const token = await gateway.issuer.token(subject, options)
      const list = await json<TargetList>(gateway.call('/api/v1/targets', token))
      assert.deepEqual(names(list), expected, subject)
      assert.deepEqual(list.problems, [])
    }
  })

  it('finds by words, environment and labels', async () => {
    const gateway = shared()
    const token = await gateway.issuer.token('root', admin)
    const cases: [string, string[]][] = [
      ['q=WEB', ['web-1', 'web-2']],
      ['q=web%20tier=back', ['web-2']],
      ['environment=edge', ['cache']],
      ['environment=none', []],
      ['namespace=payments', []],
      ['selector=tier=front,app!=vault', ['web-1', 'cache']],
      ['selector=!app', []],
      ['selector=app,tier==back', ['web-2']],
    ]
    for (const [query, expected] of cases) {
      assert.deepEqual(names(await json(gateway.call(`/api/v1/targets?${query}`, token))), expected, query)
    }
    const bad = ['selector=a%3D%3D%3Db', 'selector=', 'rows=1', 'q=a&q=b', `q=${'x'.repeat(201)}`]
    for (const query of bad) {
      assert.equal((await gateway.call(`/api/v1/targets?${query}`, token)).status, 400, query)
    }
  })

  it('shows the options of a target, profile by profile', async () => {
    const gateway = shared()
    const reason = new HatchwayError('profile_insufficient', 'general cannot see it')
    const local = gateway.hosts.get('local')
    assert.ok(local)
    local.faults.blind = { profiles: ['general'], reason }
    const token = await gateway.issuer.token('opener')
    const detail = await json<TargetDetail>(gateway.call('/api/v1/targets/local/web-1', token))
    assert.equal(detail.canOpen, true)
    assert.deepEqual(
      detail.options?.toolboxes.map(({ name }) => name),
      ['busybox'],
    )
    const root = await gateway.issuer.token('root', admin)
    const all = await json<TargetDetail>(gateway.call('/api/v1/targets/local/web-1', root))
    assert.deepEqual(
      all.options?.toolboxes.map(({ name }) => name),
      ['busybox', 'big'],
    )
    const [auto, general] = detail.options?.profiles ?? []
    assert.equal(auto?.identity?.uid, 65_532)
    assert.equal(general?.problem, 'general cannot see it')
    assert.deepEqual([detail.options?.requireReason, detail.options?.maxDurationSeconds], [true, 3600])
    const closedWords =
      'No rule lets opener open a session in local/web-2. The rule "admins" would allow it for members of admins. ' +
      'The rule "opener sees" lets you only list.'
    const closed = await json<TargetDetail>(gateway.call('/api/v1/targets/local/web-2', token))
    assert.deepEqual([closed.canOpen, closed.options, closed.denied], [false, undefined, closedWords])
  })

  it('answers the same for what is not there and for what the caller may not know of', async () => {
    const gateway = shared()
    const token = await gateway.issuer.token('lister')
    const local = gateway.hosts.get('local')
    const own = local?.targets.find(({ name }) => name === 'web-2')
    assert.ok(own)
    own.ownSession = 'some-session'
    // vault's id starts with abc2.
    for (const ref of [
      'local/vault',
      'local/absent',
      'edge/cache',
      'none/vault',
      'local/web-2',
      'local/abc2',
    ]) {
      const answers = [
        await gateway.call(`/api/v1/targets/${ref}`, token),
        await open(gateway, 'lister', { target: ref }),
      ]
      for (const answer of answers) {
        const { instance, ...problem } = await json<{ instance: string }>(answer, 404)
        assert.ok(instance)
        assert.deepEqual(problem, {
          type: 'urn:hatchway:problem:target_not_found',
          title: 'Target not found',
          status: 404,
          detail: `There is no target "${ref}" that you may see. Check its name, and that it has not been removed.`,
          code: 'target_not_found',
        })
      }
    }
    delete own.ownSession
    const ambiguous = await json<{ detail: string }>(gateway.call('/api/v1/targets/local/abc', token), 409)
    assert.match(ambiguous.detail, /fits web-1, web-2\./)
    for (const ref of ['local', 'local/..%2f..%2fetc', 'local/a b', 'a/b/c/d/e/f']) {
      assert.equal((await gateway.call(`/api/v1/targets/${ref}`, token)).status, 400, ref)
    }
  })

  it('shows the others when one engine is down or silent', async (t) => {
    const gateway = await startHttpGateway(t)
    const token = await gateway.issuer.token('ann')
    const [local, edge] = [gateway.hosts.get('local'), gateway.hosts.get('edge')]
    assert.ok(local && edge)
    edge.faults.away = new HatchwayError(
      'backend_unavailable',
      'The engine at edge does not answer. Start it.',
    )
    const list = await json<TargetList>(gateway.call('/api/v1/targets', token))
    assert.deepEqual(names(list), ['vault', 'web-1', 'web-2'])
    assert.deepEqual(list.problems, [
      { environment: 'edge', detail: 'The engine at edge does not answer. Start it.' },
    ])
    const environments = await json(gateway.call('/api/v1/environments', token))
    assert.deepEqual(environments, {
      items: [
        { id: 'local', kind: 'docker', reachable: true },
        {
          id: 'edge',
          kind: 'docker',
          reachable: false,
          problem: 'The engine at edge does not answer. Start it.',
        },
      ],
    })
    edge.faults.hangs = true
    const listed = gateway.call('/api/v1/targets', token)
    const slow = await json<TargetList>(within(listed, 'the list without the silent engine', 8_000))
    assert.match(slow.problems[0]?.detail ?? '', /did not answer within 5 seconds/)
    local.faults.away = new Error('a secret of the inside')
    const broken = await json<{ code: string; detail: string }>(gateway.call('/api/v1/targets', token), 500)
    assert.equal(broken.code, 'internal_error')
    assert.ok(!JSON.stringify(broken).includes('secret'))
    assert.equal(gateway.log.filter((line) => line.includes('a secret of the inside')).length, 1)
  })
})

describe('sessions', () => {
  const shared = sharedHttpGateway({ policy })

  it('starts with the defaults that policy leaves', async () => {
    const gateway = shared()
    const answer = await open(gateway, 'opener', {
      target: 'local/web-1',
      reason: 'INC-1: 502s',
      ticket: 'INC-1',
    })
    const session = await json<Session>(answer, 201)
    assert.equal(answer.headers.get('location'), `/api/v1/sessions/${session.id}`)
    const { toolbox, profile, size, reason, rules } = session
    assert.deepEqual(
      [toolbox, profile, size, reason, rules],
      ['busybox', 'auto', { cols: 80, rows: 24 }, 'INC-1: 502s', ['opener opens']],
    )
    const [opened] = (await gateway.store.listAudit({ sessionId: session.id, kinds: ['opened'], limit: 9 }))
      .items
    assert.deepEqual(
      [opened?.who?.subject, opened?.from, opened?.target],
      ['opener', '127.0.0.1', 'local/web-1'],
    )
  })

  it('refuses what policy refuses, and has audited it by then', async () => {
    const gateway = shared()
    const opened = async () => (await gateway.store.listAudit({ kinds: ['opened'], limit: 100 })).items.length
    const before = await opened()
    const web1 = { target: 'local/web-1' }
    const cases: [object, number, string, string?][] = [
      [web1, 403, 'reason_required', 'opener opens'],
      [{ ...web1, reason: '   ' }, 403, 'reason_required', 'opener opens'],
      [{ ...web1, reason: 'x', toolbox: 'big' }, 403, 'forbidden', 'opener opens'],
      [{ target: 'local/web-2', reason: 'x' }, 403, 'forbidden'],
      [{ target: 'local/vault', reason: 'x' }, 404, 'target_not_found'],
    ]
    for (const [body, status, code, rule] of cases) {
      const problem = await json<{ code: string }>(open(gateway, 'opener', body), status)
      assert.equal(problem.code, code)
      const target = (body as { target: string }).target
      assert.deepEqual(await lastAudit(gateway), {
        kind: 'denied',
        who: 'opener',
        action: 'open',
        target,
        rule,
      })
    }
    assert.equal(await opened(), before)
  })

  it('points at what is wrong with a request', async () => {
    const gateway = shared()
    const web1 = { target: 'local/web-1' }
    const cases: [object, string[]][] = [
      [{}, ['/target']],
      [{ ...web1, color: 'red', 'a/b': 1 }, ['/color', '/a~1b']],
      [{ ...web1, size: { cols: 1, rows: 2000 } }, ['/size/cols', '/size/rows']],
      [{ ...web1, reason: 'a\u202eb' }, ['/reason']],
      [{ ...web1, command: ['a\0b'] }, ['/command/0']],
      [{ ...web1, profile: 'root' }, ['/profile']],
    ]
    for (const [body, pointers] of cases) {
      const answer = await open(gateway, 'root', body, admin)
      const problem = await json<{ code: string; errors: { pointer: string }[] }>(answer, 400)
      assert.equal(problem.code, 'invalid_request')
      assert.deepEqual(
        problem.errors.map(({ pointer }) => pointer),
        pointers,
      )
    }
    const unknown = await json<{ detail: string }>(
      open(gateway, 'root', { ...web1, toolbox: 'x' }, admin),
      400,
    )
    assert.equal(unknown.detail, 'There is no toolbox "x". You may use: busybox, big.')
  })

  it('shows sessions to owners and to those whom policy lets watch, end or replay', async (t) => {
    const gateway = await startHttpGateway(t, { policy })
    await open(gateway, 'opener', { target: 'local/web-1', reason: 'x' })
    await open(gateway, 'root', { target: 'local/vault' }, admin)
    const mine = await json<Session>(open(gateway, 'opener', { target: 'local/web-1', reason: 'y' }), 201)
    const cases: [string, object, string, string[]][] = [
      ['root', admin, '', ['local/web-1', 'local/vault', 'local/web-1']],
      ['root', admin, '?user=me', ['local/vault']],
      ['root', admin, '?user=opener&q=web', ['local/web-1', 'local/web-1']],
      ['root', admin, '?state=ended', []],
      ['opener', {}, '', ['local/web-1', 'local/web-1']],
      ['watcher', {}, '', ['local/web-1', 'local/web-1']],
      ['lister', {}, '', []],
    ]
    for (const [subject, options, query, refs] of cases) {
      const token = await gateway.issuer.token(subject, options)
      const list = await json<SessionList>(gateway.call(`/api/v1/sessions${query}`, token))
      assert.deepEqual(
        list.items.map(({ target }) => target.ref),
        refs,
        `${subject} ${query}`,
      )
      const status = refs.includes('local/web-1') && query === '' ? 200 : 404
      if (query === '')
        assert.equal((await gateway.call(`/api/v1/sessions/${mine.id}`, token)).status, status)
    }
    const watcher = await gateway.issuer.token('watcher')
    // A page is filled although policy hides what is between.
    const first = await json<SessionList>(gateway.call('/api/v1/sessions?limit=1', watcher))
    assert.ok(first.next)
    const second = await json<SessionList>(
      gateway.call(`/api/v1/sessions?limit=1&cursor=${first.next}`, watcher),
    )
    assert.deepEqual(
      [first, second].map(({ items }) => items[0]?.reason),
      ['y', 'x'],
    )
    const seen = await json<Session>(gateway.call(`/api/v1/sessions/${mine.id}`, watcher))
    assert.deepEqual(seen.can, {
      control: false,
      watch: true,
      terminate: false,
      replay: false,
      decide: false,
      review: false,
    })
    for (const query of ['state=alive', 'limit=0', 'limit=1000', 'from=yesterday', 'cursor=junk']) {
      assert.equal((await gateway.call(`/api/v1/sessions?${query}`, watcher)).status, 400, query)
    }
  })

  it('ends a session for its owner and for those whom policy lets', async (t) => {
    const gateway = await startHttpGateway(t, { policy })
    const { id } = await json<Session>(open(gateway, 'opener', { target: 'local/web-1', reason: 'x' }), 201)
    const end = async (subject: string, options = {}) =>
      await gateway.call(`/api/v1/sessions/${id}`, await gateway.issuer.token(subject, options), {
        method: 'DELETE',
        body: JSON.stringify({ reason: 'done' }),
      })
    assert.equal((await end('lister')).status, 404)
    assert.equal((await end('watcher')).status, 403)
    assert.deepEqual((await lastAudit(gateway))?.action, 'terminate')
    const ended = await json<Session>(end('opener'))
    assert.deepEqual(
      [ended.state, ended.end],
      [
        'ended',
        {
          reason: 'terminated',
          code: 'terminated',
          detail: 'done',
          by: { subject: 'opener', name: 'opener by name', issuer: gateway.issuer.issuer },
        },
      ],
    )
    assert.deepEqual(ended.can, {
      control: false,
      watch: false,
      terminate: false,
      replay: false,
      decide: false,
      review: false,
    })
    assert.equal((await end('opener')).status, 410)
    assert.equal((await end('root', admin)).status, 410)
    const ticket = await gateway.call(`/api/v1/sessions/${id}/ticket`, await gateway.issuer.token('opener'), {
      method: 'POST',
    })
    assert.equal(ticket.status, 410)
  })
})

describe('recordings and audit', () => {
  const shared = sharedHttpGateway({ policy })

  it('sends a recording to those who may read it, after the audit event', async () => {
    const gateway = shared()
    const reader = await gateway.issuer.token('reader')
    const waits = await json<Session>(open(gateway, 'asker', { target: 'local/web-1' }), 202)
    assert.equal((await gateway.call(`/api/v1/sessions/${waits.id}/recording`, reader)).status, 404)
    assert.notEqual((await lastAudit(gateway))?.kind, 'played')
    const { id } = await json<Session>(open(gateway, 'root', { target: 'local/web-1' }, admin), 201)
    await untilPrompt(gateway, id)
    const path = `/api/v1/sessions/${id}/recording`
    const cases: [string, string, RegExp, string | null, string][] = [
      ['', 'application/x-asciicast', /^\{"version":3,.*\n.*"o", ?"\$ "\]/, null, 'played'],
      [
        '?format=asciicast-v2',
        'application/x-asciicast',
        /^\{"version":2,.*\n.*"o", ?"\$ "\]/,
        null,
        'played',
      ],
      [
        '?format=text&download=true',
        'text/plain; charset=utf-8',
        /^\$ ?\n$/,
        `attachment; filename="hatchway-web-1-${id}.txt"`,
        'exported',
      ],
    ]
    for (const [query, type, body, disposition, kind] of cases) {
      const answer = await gateway.call(path + query, reader)
      assert.equal(answer.status, 200)
      assert.equal(answer.headers.get('content-type'), type)
      assert.equal(answer.headers.get('content-disposition'), disposition)
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
      assert.match(await answer.text(), body)
      assert.equal((await lastAudit(gateway))?.kind, kind)
    }
    assert.equal((await gateway.call(path, await gateway.issuer.token('watcher'))).status, 403)
    assert.deepEqual((await lastAudit(gateway))?.kind, 'denied')
    assert.equal((await gateway.call(path, await gateway.issuer.token('lister'))).status, 404)
    const root = await gateway.issuer.token('root', admin)
    await json(gateway.call(`/api/v1/sessions/${id}`, root, { method: 'DELETE' }))
    const { whole, unaltered, checked } = await eventually(() =>
      json<Verification>(gateway.call(`/api/v1/sessions/${id}/verification`, reader)),
    )
    assert.deepEqual([whole, unaltered], [true, true])
    assert.deepEqual([...new Set(checked.map(({ passed }) => passed))], [true])
  })

  it('shows nothing when the audit event cannot be written', async (t) => {
    const gateway = await startHttpGateway(t)
    const token = await gateway.issuer.token('ann')
    const { id } = await json<Session>(open(gateway, 'ann', { target: 'local/web-1' }), 201)
    await untilPrompt(gateway, id)
    gateway.refusing.refuse('appendAudit', 'check')
    const signIn = { method: 'POST', body: JSON.stringify({ code: gateway.mintCode() }) }
    for (const answer of [
      await gateway.call(`/api/v1/sessions/${id}/recording`, token),
      await gateway.call('/api/v1/audit', token),
      await gateway.call('/api/v1/auth/session', undefined, signIn),
    ]) {
      assert.equal(answer.headers.get('set-cookie'), null)
      assert.equal((await json<{ code: string }>(answer, 503)).code, 'store_unavailable')
    }
    const ready = await json<{ ready: boolean; parts: { name: string; problem?: string }[] }>(
      gateway.call('/readyz'),
      503,
    )
    assert.equal(ready.ready, false)
    assert.equal(ready.parts.find(({ name }) => name === 'store')?.problem, 'The store cannot be reached')
    assert.ok(gateway.log.some((line) => line.includes('store is not ready: The store cannot be used')))
  })

  it('lets auditors read the trail, and writes down that they did', async () => {
    const gateway = shared()
    await open(gateway, 'opener', { target: 'local/web-2', reason: 'x' })
    const auditor = await gateway.issuer.token('auditor')
    const list = await json<{ items: AuditEvent[] }>(
      gateway.call('/api/v1/audit?kind=denied&user=opener', auditor),
    )
    assert.deepEqual(
      [list.items[0]?.kind, list.items[0]?.target, list.items[0]?.from],
      ['denied', 'local/web-2', '127.0.0.1'],
    )
    const trail = await gateway.store.listAudit({ limit: 1 })
    assert.deepEqual(
      [trail.items[0]?.kind, trail.items[0]?.detail],
      ['audit-read', { kind: 'denied', user: 'opener', limit: 50 }],
    )
    assert.equal((await gateway.call('/api/v1/audit?kind=gossip', auditor)).status, 400)
    assert.equal((await gateway.call('/api/v1/audit', await gateway.issuer.token('opener'))).status, 403)
    assert.deepEqual((await lastAudit(gateway))?.action, 'read-audit')
  })
})
