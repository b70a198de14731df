import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { createSigningKey, type SigningKey } from '../support/forged-token.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { behindProxy, ManyAddresses } from '../support/many-addresses.ts'

const partner = 'urn:test:partner'
const policyOf = (count: number) => `
rules:
  - name: eyes
    who: {groups: [engineers]}
    actions: [open]
    effect: require-approval
    approval: {groups: [leads], count: ${count}}
    breakGlass: {groups: [oncall]}
  - {name: house, who: {subjects: [jane]}, actions: [list, terminate, read-audit], effect: allow}
  - {name: leads approve, who: {groups: [leads, "partner:leads"]}, actions: [approve], effect: allow}
`

let gateway: TestGateway
let attacker: ManyAddresses
let partnerKey: SigningKey

before(async () => {
  partnerKey = createSigningKey('ES256', 'partner-1')
  gateway = await TestGateway.start({
    scripted: true,
    policy: policyOf(2),
    config: behindProxy,
    auth: {
      issuers: [{ issuer: partner, audience: 'hatchway', jwks: './partner.json', prefix: 'partner:' }],
    },
  })
  await writeFile(join(gateway.directory, 'partner.json'), JSON.stringify({ keys: [partnerKey.jwk] }))
  attacker = new ManyAddresses(gateway)
  Object.assign(gateway.groups, {
    eve: ['engineers', 'leads', 'oncall'],
    lea: ['leads'],
    leo: ['leads'],
    lou: ['leads'],
  })
})
after(() => gateway.stop())

interface Vote {
  status: number
  code?: string
}

async function decide(id: string, bearer: string, decision = 'approve', what = 'decision'): Promise<Vote> {
  const body = what === 'decision' ? { decision, reason: 'x' } : { verdict: 'justified', reason: 'x' }
  const answer = await attacker.fetch(`/api/v1/sessions/${id}/${what}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const { code } = (await answer.json()) as { code?: string }
  return { status: answer.status, ...(code !== undefined && { code }) }
}

/** Whoever they say they are: `leads`, by a good token of this gateway's issuer. */
const lead = (subject: string) => gateway.token(subject, { groups: ['leads'] })
const fromPartner = (sub: string, groups: string[]) =>
  partnerKey.sign({ iss: partner, aud: 'hatchway', sub, groups, exp: Math.floor(Date.now() / 1000) + 300 })

const request = (who = 'eve', body: object = {}) =>
  gateway.api<Session>('POST', '/sessions', { target: 'local/web', reason: 'INC-7', ...body }, who)
const look = (id: string) => gateway.api<Session>('GET', `/sessions/${id}`, undefined, 'eve')
const given = async (id: string) => (await look(id)).approval?.needs[0]?.given

describe('an approval', () => {
  it('is not given by whoever asked, under no spelling of their name and by no other issuer', async () => {
    const { id } = await request()
    const spellings = ['eve', 'Eve', 'EVE', ' eve', 'eve ', 'e\u200Bve', '\uFEFFeve', 'ｅｖｅ', 'e\u00ADve']
    for (const name of spellings) {
      const vote = await decide(id, await lead(name))
      assert.ok([403, 404, 401].includes(vote.status), `${JSON.stringify(name)}: ${JSON.stringify(vote)}`)
    }
    for (const groups of [['leads'], ['partner:leads']]) {
      const vote = await decide(id, fromPartner('eve', groups))
      assert.ok([403, 404].includes(vote.status), JSON.stringify(vote))
    }
    assert.equal(await given(id), 0)
    assert.equal((await look(id)).state, 'pending-approval')
  })

  it('is not given by a group of the same name at another issuer', async () => {
    const { id } = await request()
    assert.equal((await decide(id, fromPartner('mallory', ['leads']))).status, 404)
    assert.equal(await given(id), 0)
  })

  it('is not given twice by one person, at once or one after the other', async () => {
    const { id } = await request()
    const names = ['lea', 'LEA', 'ｌｅａ', 'lea', 'lea', 'Lea', 'lea', 'lea']
    const votes = await Promise.all(names.map(async (name) => decide(id, await lead(name))))
    assert.equal(votes.filter(({ status }) => status === 200).length, 1, JSON.stringify(votes))
    assert.equal((await decide(id, await lead('lea'))).code, 'already_decided')
    assert.equal(await given(id), 1)
    assert.equal((await look(id)).state, 'pending-approval')
  })

  it('and a denial at the same moment have one outcome, and it stays', async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await request()
      await decide(id, await lead('lou'))
      const [yes, no] = await Promise.all([
        decide(id, await lead('lea'), 'approve'),
        decide(id, await lead('leo'), 'deny'),
      ])
      const { approval, state } = await eventually(async () => {
        const session = await look(id)
        return session.state !== 'pending-approval' && session.state !== 'starting' && session
      })
      // Whoever came second was told that it was too late.
      assert.deepEqual(
        [yes.status, no.status].toSorted((a, b) => a - b),
        [200, 409],
      )
      assert.equal(approval?.outcome, yes.status === 200 ? 'approved' : 'denied')
      assert.equal(state, yes.status === 200 ? 'running' : 'ended')
      for (const decision of ['approve', 'deny'])
        assert.equal((await decide(id, await lead('late'), decision)).code, 'already_decided')
      assert.equal((await look(id)).approval?.outcome, approval?.outcome)
      if (state === 'running') await gateway.api('DELETE', `/sessions/${id}`, undefined, 'eve')
    }
  })

  it('is good for one session: not for the next one, not after its end', async () => {
    const first = await request()
    for (const name of ['lea', 'leo']) assert.equal((await decide(first.id, await lead(name))).status, 200)
    await eventually(async () => (await look(first.id)).state === 'running')
    await gateway.api('DELETE', `/sessions/${first.id}`, undefined, 'eve')
    for (const name of ['lea', 'lou'])
      assert.equal((await decide(first.id, await lead(name))).code, 'already_decided')
    assert.equal((await look(first.id)).state, 'ended')
    const second = await request()
    assert.equal(second.state, 'pending-approval')
    assert.equal(await given(second.id), 0)
  })

  it('is for what was shown: nothing changes a request, and no method or field is there to', async () => {
    const { id, ...asked } = await request('eve', { command: ['/bin/true'] })
    const change = JSON.stringify({
      command: ['/bin/sh'],
      profile: 'sysadmin',
      target: 'local/other',
      reason: 'y',
    })
    for (const bearer of [await gateway.token('eve'), await lead('lea')]) {
      const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
      for (const method of ['PUT', 'PATCH', 'POST']) {
        const answer = await attacker.fetch(`/api/v1/sessions/${id}`, { method, headers, body: change })
        assert.equal(answer.status, 404, method)
      }
      const body = JSON.stringify({ decision: 'approve', command: ['/bin/sh'], profile: 'sysadmin' })
      const answer = await attacker.fetch(`/api/v1/sessions/${id}/decision`, {
        method: 'POST',
        headers,
        body,
      })
      assert.equal(answer.status, 400)
    }
    const { id: _id, ...now } = await look(id)
    assert.deepEqual(now, asked)
  })

  it('is not skipped by who may not break the glass, and no review is one’s own', async () => {
    gateway.groups['ada'] = ['engineers']
    const refused = await gateway.fetch(
      'POST',
      '/sessions',
      { target: 'local/web', reason: 'x', breakGlass: true },
      'ada',
    )
    assert.equal(refused.status, 403)
    const { id, state } = await request('eve', { breakGlass: true })
    assert.notEqual(state, 'pending-approval')
    await eventually(async () => (await look(id)).state === 'running')
    assert.equal((await decide(id, await lead('lea'), '', 'review')).code, 'session_not_ready')
    await gateway.api('DELETE', `/sessions/${id}`, undefined, 'eve')
    assert.equal((await decide(id, await gateway.token('eve'), '', 'review')).code, 'own_request')
    assert.equal((await decide(id, await lead('ＥＶＥ'), '', 'review')).status, 404)
    const reviews = await Promise.all(
      ['lea', 'leo', 'lou'].map(async (name) => decide(id, await lead(name), '', 'review')),
    )
    assert.deepEqual(
      reviews.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 409, 409],
    )
  })

  it('leaves a trace before it takes effect, also where it was refused', async () => {
    const { id } = await request()
    await decide(id, await gateway.token('eve'))
    await decide(id, await lead('lea'))
    await decide(id, await lead('leo'))
    await eventually(async () => (await look(id)).state === 'running')
    const { items } = await gateway.api<AuditList>('GET', `/audit?session=${id}`)
    const kinds = items.map(({ kind }) => kind).toReversed()
    assert.deepEqual(kinds.slice(0, 5), ['approval-requested', 'denied', 'approved', 'approved', 'opened'])
  })

  it('is not made up for by time: what expired while the gateway was away stays unstarted, whatever policy says now', async () => {
    const { id } = await request()
    await decide(id, await lead('lea'))
    await gateway.down('SIGKILL')
    const database = new DatabaseSync(join(gateway.directory, 'data', 'hatchway.db'))
    const set = "update sessions set approval = json_set(approval, '$.expiresAt', ?) where id = ?"
    database.prepare(set).run(new Date(Date.now() - 1000).toISOString(), id)
    database.close()
    const open = `  - {name: eyes, who: {groups: [engineers]}, actions: [open], effect: allow}\n`
    await writeFile(
      join(gateway.directory, 'policy.yaml'),
      policyOf(1).replace(/  - name: eyes[^]*?(?=  - \{name: house)/, open),
    )
    await gateway.up()
    await eventually(async () => (await look(id)).state === 'ended')
    const { end, startedAt, approval: after } = await look(id)
    assert.deepEqual([end?.reason, after?.outcome, startedAt], ['expired', 'expired', undefined])
    const { items } = await gateway.api<AuditList>('GET', `/audit?session=${id}&kind=opened,started`)
    assert.deepEqual(items, [])
  })
})
