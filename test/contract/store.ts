import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { AuditEvent, SessionRow } from '../../server/core/session.ts'
import type { AuditQuery } from '../../server/core/audit-log.ts'
import type { Page } from '../../server/core/page.ts'
import type { SessionQuery } from '../../server/core/session-store.ts'
import type { BrowserLogin, LoginQuery, ProviderLogin } from '../../server/core/sign-ins.ts'
import type { Store } from '../../server/core/store.ts'
import { fullSessionRow, sessionRow } from './store-rows.ts'

export interface StoreGround {
  store: Store
  /** The store's wall clock. */
  setNow(ms: number): void
  /** Closes the store and opens the same rows again. */
  reopen(): Promise<Store>
  remove(): Promise<void>
}

const failsWith = (code: string) => (cause: unknown) => cause instanceof HatchwayError && cause.code === code
const hour = 3_600_000
const t0 = Date.parse('2026-02-03T04:00:00.000Z')

/** What every implementation of `Store` promises. */
export function storeContract(name: string, start: () => Promise<StoreGround>): void {
  describe(`store: ${name}`, () => {
    let ground: StoreGround
    let store: Store
    beforeEach(async () => {
      ground = await start()
      store = ground.store
      ground.setNow(t0)
    })
    afterEach(() => ground.remove())

    describe('sessions', () => {
      const listed = async (query: Partial<SessionQuery>) =>
        (await store.listSessions({ limit: 100, ...query })).items.map((row) => row.id)

      it('come back as they were stored, also after a restart', async () => {
        await store.createSession(sessionRow('small'))
        await store.createSession(fullSessionRow('full'))
        store = await ground.reopen()
        assert.deepEqual(await store.getSession('small'), sessionRow('small'))
        assert.deepEqual(await store.getSession('full'), fullSessionRow('full'))
        assert.equal(await store.getSession('none'), undefined)
      })

      it('are of their kind, and stay so whatever else is changed', async () => {
        await store.createSession(sessionRow('terminal'))
        await store.createSession(sessionRow('command', { kind: 'command', detail: { cwd: '/tmp' } }))
        for (const id of ['terminal', 'command']) await store.updateSession(id, { state: 'running' })
        assert.deepEqual(await store.getSession('terminal'), sessionRow('terminal', { state: 'running' }))
        const command = sessionRow('command', { kind: 'command', detail: { cwd: '/tmp' }, state: 'running' })
        assert.deepEqual(await store.getSession('command'), command)
      })

      it('change only in what was changed', async () => {
        await store.createSession(sessionRow('s1'))
        await store.createSession(sessionRow('s2'))
        const { id: _, ...everything } = fullSessionRow('s1')
        await store.updateSession('s1', { state: 'running', recordInput: true })
        assert.deepEqual(
          await store.getSession('s1'),
          sessionRow('s1', { state: 'running', recordInput: true }),
        )
        await store.updateSession('s1', everything)
        assert.deepEqual(await store.getSession('s1'), fullSessionRow('s1'))
        await store.updateSession('s1', {})
        assert.deepEqual(await store.getSession('s1'), fullSessionRow('s1'))
        assert.deepEqual(await store.getSession('s2'), sessionRow('s2'))
      })

      it('must exist to be changed', async () => {
        await assert.rejects(store.updateSession('none', { state: 'ended' }), failsWith('session_not_found'))
        await assert.rejects(store.updateSession('none', {}), failsWith('session_not_found'))
      })

      it('are not created twice', async () => {
        await store.createSession(sessionRow('s1'))
        await assert.rejects(store.createSession(sessionRow('s1', { state: 'ended' })), HatchwayError)
        assert.deepEqual(await store.getSession('s1'), sessionRow('s1'))
      })

      it('are found by state, user, time, target and words', async () => {
        const at = (ms: number) => ({ requestedAt: new Date(t0 + ms) })
        const grace = { subject: 'grace', name: 'Grace Hopper', groups: [] }
        await store.createSession(sessionRow('a', at(0)))
        await store.createSession(sessionRow('b', { ...at(1), state: 'running', reason: '100% CPU' }))
        await store.createSession(sessionRow('c', { ...at(2), user: grace, ticket: 'INC_7' }))
        await store.createSession({ ...fullSessionRow('d'), ...at(3) })
        assert.deepEqual(await listed({}), ['d', 'c', 'b', 'a'])
        assert.deepEqual(await listed({ states: ['running', 'ended'] }), ['d', 'b'])
        assert.deepEqual(await listed({ states: [] }), [])
        assert.deepEqual(await listed({ user: 'grace' }), ['c'])
        assert.deepEqual(await listed({ user: 'GRACE' }), [])
        assert.deepEqual(await listed({ target: 'payments/deployment' }), ['d'])
        assert.deepEqual(await listed({ from: new Date(t0 + 1), to: new Date(t0 + 2) }), ['c', 'b'])
        assert.deepEqual(await listed({ q: 'hopper' }), ['c'])
        assert.deepEqual(await listed({ q: 'WEB:1' }), ['c', 'b', 'a'])
        assert.deepEqual(await listed({ q: 'inc', states: ['starting'] }), ['c'])
        assert.deepEqual(await listed({ q: 'nothing like it' }), [])
      })

      it('are found by the review that is still to come', async () => {
        const needs = [{ rule: 'four eyes', groups: ['leads'], count: 1 }]
        await store.createSession(sessionRow('plain'))
        await store.createSession(sessionRow('broken', { breakGlass: { needs } }))
        await store.createSession(fullSessionRow('reviewed'))
        assert.deepEqual(await listed({ review: 'outstanding' }), ['broken'])
        assert.deepEqual(await listed({ review: 'done' }), ['reviewed'])
        const { breakGlass } = fullSessionRow('x')
        assert.ok(breakGlass !== undefined)
        await store.updateSession('broken', { breakGlass })
        assert.deepEqual(await listed({ review: 'outstanding' }), [])
        assert.deepEqual((await store.getSession('broken'))?.breakGlass, breakGlass)
      })

      it('are searched for the words as they are', async () => {
        await store.createSession(sessionRow('a', { reason: '100% of C:\\dir', ticket: 'INC_7' }))
        await store.createSession(sessionRow('b', { reason: '1000 of C:/dir', ticket: 'INC-7' }))
        for (const q of ['100%', 'INC_7', 'C:\\dir', '%', '_', '\\'])
          assert.deepEqual(await listed({ q }), ['a'], q)
        assert.deepEqual(await listed({ q: "'; drop table sessions; --" }), [])
      })

      it('come in pages, newest first, without gaps or repeats', async () => {
        // Several in the same millisecond, and one that arrives while the pages are read.
        const ids = Array.from({ length: 25 }, (_, index) => `s${String(index).padStart(2, '0')}`)
        for (const [index, id] of ids.entries()) {
          await store.createSession(sessionRow(id, { requestedAt: new Date(t0 + Math.floor(index / 10)) }))
        }
        const seen: string[] = []
        let page: Page<SessionRow> = await store.listSessions({ limit: 7 })
        seen.push(...page.items.map((row) => row.id))
        await store.createSession(sessionRow('new', { requestedAt: new Date(t0 + hour) }))
        while (page.next !== undefined) {
          page = await store.listSessions({ limit: 7, cursor: page.next })
          seen.push(...page.items.map((row) => row.id))
        }
        assert.deepEqual(seen, ids.toReversed())
      })

      it('have no next page when the last one is full', async () => {
        await store.createSession(sessionRow('a'))
        await store.createSession(sessionRow('b'))
        assert.equal((await store.listSessions({ limit: 2 })).next, undefined)
        assert.notEqual((await store.listSessions({ limit: 1 })).next, undefined)
      })

      it('refuse a cursor that is none', async () => {
        const wrong = [
          '',
          'x',
          '%%%',
          Buffer.from('[1]').toString('base64url'),
          Buffer.from('["a",2]').toString('base64url'),
        ]
        for (const cursor of wrong) {
          await assert.rejects(store.listSessions({ limit: 1, cursor }), failsWith('invalid_request'), cursor)
          await assert.rejects(store.listAudit({ limit: 1, cursor }), failsWith('invalid_request'), cursor)
        }
      })
    })

    describe('audit events', () => {
      const listed = async (query: Partial<AuditQuery>) =>
        (await store.listAudit({ limit: 100, ...query })).items.map((event) => event.reason)
      const full: Omit<AuditEvent, 'id' | 'at'> = {
        kind: 'opened',
        who: { subject: 'ada', name: 'Ada Lovelace' },
        from: '::1',
        action: 'open',
        target: 'local/web-1',
        sessionId: 's1',
        rule: 'on-call,all',
        reason: '100%',
        detail: { size: 80, forced: false, toolbox: 'busybox' },
      }

      it('come back as they were stored, newest first, also after a restart', async () => {
        const first = await store.appendAudit(full)
        const second = await store.appendAudit({ kind: 'policy-loaded' })
        assert.deepEqual(first, { ...full, id: first.id, at: new Date(t0) })
        store = await ground.reopen()
        assert.deepEqual(await store.listAudit({ limit: 9 }), { items: [second, first] })
      })

      it('keep their order within a millisecond', async () => {
        const appended: AuditEvent[] = []
        for (let count = 0; count < 50; count++) appended.push(await store.appendAudit({ kind: 'viewed' }))
        const seen: string[] = []
        let cursor: string | undefined
        do {
          const page = await store.listAudit({ limit: 7, ...(cursor === undefined ? {} : { cursor }) })
          seen.push(...page.items.map((event) => event.id))
          cursor = page.next
        } while (cursor !== undefined)
        assert.deepEqual(seen, appended.map((event) => event.id).toReversed())
      })

      it('are found by kind, user, target, session, time and words', async () => {
        await store.appendAudit({ ...full, reason: 'a' })
        ground.setNow(t0 + hour)
        await store.appendAudit({ ...full, reason: 'b', kind: 'denied', sessionId: 's2' })
        ground.setNow(t0 + 2 * hour)
        await store.appendAudit({ kind: 'viewed', who: { subject: 'grace', name: 'Grace' }, reason: 'c_d' })
        assert.deepEqual(await listed({ kinds: ['denied', 'viewed'] }), ['c_d', 'b'])
        assert.deepEqual(await listed({ kinds: [] }), [])
        assert.deepEqual(await listed({ user: 'ada' }), ['b', 'a'])
        assert.deepEqual(await listed({ target: 'web-' }), ['b', 'a'])
        assert.deepEqual(await listed({ sessionId: 's2' }), ['b'])
        assert.deepEqual(await listed({ q: 'GRACE' }), ['c_d'])
        assert.deepEqual(await listed({ q: '_' }), ['c_d'])
        assert.deepEqual(await listed({ from: new Date(t0 + hour) }), ['c_d', 'b'])
        assert.deepEqual(await listed({ to: new Date(t0 + hour) }), ['b', 'a'])
        assert.deepEqual(await listed({ from: new Date(t0 + 1), to: new Date(t0 + hour - 1) }), [])
      })
    })

    describe('browser logins', () => {
      const login = (idHash: string, expiresAt: number): BrowserLogin => ({
        idHash,
        principal: {
          subject: 'ada',
          name: 'Ada',
          groups: ['sre', 'leads'],
          issuer: 'https://idp.example',
          expiresAt: new Date(expiresAt),
        },
        createdAt: new Date(t0),
      })

      it('are there until they expire or are deleted', async () => {
        await store.saveLogin(login('a', t0 + hour))
        await store.saveLogin(login('b', t0 + hour))
        assert.deepEqual(await store.getLogin('a'), login('a', t0 + hour))
        await store.deleteLogin('a')
        await store.deleteLogin('a')
        assert.equal(await store.getLogin('a'), undefined)
        ground.setNow(t0 + hour - 1)
        assert.deepEqual(await store.getLogin('b'), login('b', t0 + hour))
        ground.setNow(t0 + hour)
        assert.equal(await store.getLogin('b'), undefined)
      })

      it('are replaced, and removed for good once they have expired', async () => {
        await store.saveLogin(login('a', t0 + hour))
        await store.saveLogin(login('a', t0 + 2 * hour))
        assert.deepEqual(await store.getLogin('a'), login('a', t0 + 2 * hour))
        ground.setNow(t0 + 3 * hour)
        await store.saveLogin(login('b', t0 + 4 * hour))
        ground.setNow(t0)
        assert.equal(await store.getLogin('a'), undefined)
      })

      const renewed = (idHash: string, change: Partial<ProviderLogin> = {}): BrowserLogin => ({
        ...login(idHash, t0 + hour),
        provider: {
          subject: `sub of ${idHash}`,
          session: `sid of ${idHash}`,
          renewAt: new Date(t0 + hour - 1000),
          endsAt: new Date(t0 + 12 * hour),
          grant: 'sealed',
          ...change,
        },
      })

      it('outlive what their provider vouched for, until their own end', async () => {
        await store.saveLogin(renewed('a'))
        ground.setNow(t0 + 12 * hour - 1)
        assert.deepEqual(await store.getLogin('a'), renewed('a'))
        ground.setNow(t0 + 12 * hour)
        assert.equal(await store.getLogin('a'), undefined)
      })

      it('are updated only while they are there', async () => {
        await store.saveLogin(login('a', t0 + hour))
        assert.equal(await store.updateLogin(renewed('a')), true)
        assert.deepEqual(await store.getLogin('a'), renewed('a'))
        await store.deleteLogin('a')
        assert.equal(await store.updateLogin(renewed('a')), false)
        assert.equal(await store.getLogin('a'), undefined)
      })

      it('are found by person, here and at the provider, and by the session there', async () => {
        await store.saveLogin(login('a', t0 + hour))
        await store.saveLogin(renewed('b'))
        const other = renewed('c', { subject: 'sub of b' })
        await store.saveLogin({ ...other, principal: { ...other.principal, subject: 'bob' } })
        await store.saveLogin({ ...renewed('d'), principal: { ...other.principal, issuer: 'other' } })
        const issuer = 'https://idp.example'
        const found = async (query: LoginQuery) =>
          (await store.findLogins(query)).map(({ idHash }) => idHash).toSorted()
        assert.deepEqual(await found({ issuer, subject: 'ada' }), ['a', 'b'])
        assert.deepEqual(await found({ issuer, providerSubject: 'sub of b' }), ['b', 'c'])
        assert.deepEqual(await found({ issuer, providerSession: 'sid of c' }), ['c'])
        assert.deepEqual(await store.findLogins({ issuer, providerSession: 'sid of b' }), [renewed('b')])
        assert.deepEqual(await found({ issuer: 'other', providerSubject: 'sub of b' }), [])
        ground.setNow(t0 + 12 * hour)
        assert.deepEqual(await found({ issuer, subject: 'ada' }), [])
      })
    })

    it('is ready until it is closed', async () => {
      await store.check()
      await store.close()
      await store.close()
      await assert.rejects(store.check(), failsWith('store_unavailable'))
    })
  })
}
