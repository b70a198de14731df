import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { closeCodes, flow } from '../../server/protocol/terminal.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { attemptTerminal } from '../support/http-socket.ts'
import type { TerminalClient } from '../support/terminal-client.ts'
import { within } from '../support/within.ts'

// wil may watch, rex may replay, and neither may do what the other may; mallory has nothing but a token.
const policy = `
rules:
  - {name: house, who: {subjects: [jane]}, actions: [list, open, watch, terminate, read-audit], effect: allow}
  - {name: owner, who: {subjects: [ann]}, actions: [list, open], effect: allow}
  - {name: watcher, who: {subjects: [wil]}, actions: [watch], effect: allow}
  - {name: replayer, who: {subjects: [rex]}, actions: [read-recording], effect: allow}
`
let gateway: TestGateway
let session: Session
let owner: TerminalClient

before(async () => {
  gateway = await TestGateway.start({ scripted: true, policy })
  ;({ session, terminal: owner } = await gateway.open('local/web', { who: 'ann' }))
})
after(() => gateway.stop())

let marks = 0
/** The owner's terminal echoes: what comes before the mark is all that was typed, by anybody. */
async function typedSince(work: () => Promise<void>): Promise<string> {
  const from = owner.text.length
  await work()
  const mark = `mark-${marks++}`
  owner.type(mark)
  await owner.expect(new RegExp(mark))
  return owner.text.slice(from).replace(mark, '')
}

/** Everything that was sent before has been looked at once this is answered. */
async function settled(client: TerminalClient): Promise<void> {
  const id = 1000 + marks++
  client.send({ type: 'ping', id })
  await client.message('pong', (pong) => pong.id === id)
}

describe('a viewer', () => {
  it('who may only watch types nothing, whatever role they ask for', async () => {
    for (const role of [undefined, 'observer'] as const) {
      const watcher = await gateway.connect(session.id, { who: 'wil', ...(role && { role }) })
      assert.equal((await watcher.message('hello')).role, 'observer')
      const typed = await typedSince(async () => {
        watcher.type('rm -rf /\n')
        watcher.type(Buffer.from([3, 4, 26]))
        watcher.send({ type: 'resize', size: { cols: 2, rows: 2 } })
        await settled(watcher)
      })
      assert.equal(typed, '')
      assert.ok(!owner.messages.some((message) => message.type === 'resize'))
      watcher.close()
    }
  })

  it('who may only watch takes no control', async () => {
    const watcher = await gateway.connect(session.id, { who: 'wil' })
    const typed = await typedSince(async () => {
      watcher.send({ type: 'take-control' })
      await watcher.message('notice', ({ text }) => text.includes('not control it'))
      watcher.type('whoami\n')
      await settled(watcher)
    })
    assert.equal(typed, '')
    assert.equal(owner.socket.readyState, owner.socket.OPEN)
    watcher.close()
  })

  it('acknowledges no more than was sent, and less than before means nothing', async () => {
    const watcher = await gateway.connect(session.id, { who: 'wil', role: 'observer', acknowledge: false })
    for (const offset of [Number.MAX_SAFE_INTEGER, 0, 1, 2 ** 53 - 1]) watcher.send({ type: 'ack', offset })
    const typed = await typedSince(() => settled(watcher))
    assert.equal(typed, '')
    // Still counted from where it really is: so much output is more than an observer may leave unread.
    const from = owner.offset
    const block = Buffer.alloc(flow.maxFrame, 'y')
    for (let sent = 0; sent < 2 * flow.ring; sent += block.length) {
      owner.type(block)
      await owner.reach(from + sent + block.length)
    }
    await settled(watcher)
    assert.ok(watcher.offset < from + flow.ring + flow.observerHighWater)
    watcher.close()
  })

  it('resumes at no place that is not there', async () => {
    const headers = { authorization: `Bearer ${await gateway.token('ann')}` }
    const address = (offset: string) =>
      `${gateway.url}/api/v1/sessions/${session.id}/terminal?role=observer&offset=${offset}`
    for (const offset of [
      '-1',
      '-9007199254740993',
      '0.5',
      'x',
      '1e999',
      'NaN',
      '1&offset=2',
      '%00',
      '{}',
      '9'.repeat(40),
    ]) {
      const made = await attemptTerminal(address(offset), { headers })
      assert.equal('status' in made && made.status, 400, offset)
    }
    for (const offset of [String(Number.MAX_SAFE_INTEGER), '4294967296', '0']) {
      const made = await attemptTerminal(address(offset), { headers })
      assert.ok('socket' in made)
      const { offset: from } = await made.socket.message('hello')
      assert.ok(from <= owner.offset, offset)
      made.socket.socket.terminate()
    }
  })

  it('speaks as nobody else: what it says of itself is not in the audit log', async () => {
    const headers = {
      authorization: `Bearer ${await gateway.token('wil')}`,
      'x-forwarded-for': '203.0.113.9',
      forwarded: 'for=203.0.113.9',
      'x-real-ip': '203.0.113.9',
      'x-forwarded-user': 'ann',
      'remote-user': 'ann',
    }
    const address = `${gateway.url}/api/v1/sessions/${session.id}/terminal`
    const refused = await attemptTerminal(`${address}?user=ann`, { headers })
    assert.equal('status' in refused && refused.status, 400)
    const made = await attemptTerminal(address, { headers })
    assert.ok('socket' in made)
    await made.socket.message('hello')
    made.socket.socket.terminate()
    const { items } = await gateway.api<AuditList>(
      'GET',
      `/audit?session=${session.id}&kind=viewed,controlled`,
    )
    assert.deepEqual([items[0]?.who?.subject, items[0]?.from], ['wil', '127.0.0.1'])
    assert.ok(!JSON.stringify(items).includes('203.0.113.9'))
  })

  it('is sent away by the loss of a right, and comes back as no more than it may', async () => {
    const watcher = await gateway.connect(session.id, { who: 'wil' })
    await writeFile(`${gateway.directory}/policy.yaml`, policy.replace('subjects: [wil]', 'subjects: [will]'))
    assert.equal((await within(watcher.closed, 'the close')).code, closeCodes.revoked)
    await assert.rejects(gateway.connect(session.id, { who: 'wil' }))
    await writeFile(`${gateway.directory}/policy.yaml`, policy)
    await eventually(async () => (await gateway.fetch('GET', `/sessions/${session.id}`, undefined, 'wil')).ok)
  })
})

describe('a recording', () => {
  const read = async (who: string, path = '') => {
    const answer = await gateway.fetch('GET', `/sessions/${session.id}/recording${path}`, undefined, who)
    return { status: answer.status, text: await answer.text() }
  }

  it('is read by those whom policy names, not by its owner, its watcher or a stranger', async () => {
    for (const path of ['', '?format=text', '?format=asciicast-v2', '?download=true']) {
      const answers = await Promise.all(['ann', 'wil', 'mallory', 'rex'].map((who) => read(who, path)))
      assert.deepEqual(
        answers.map(({ status }) => status),
        [403, 403, 404, 200],
        path,
      )
      for (const { text } of answers.slice(0, 3)) assert.ok(!text.includes('mark-0'), path)
    }
    const verification = await Promise.all(
      ['ann', 'wil', 'mallory'].map((who) =>
        gateway.fetch('GET', `/sessions/${session.id}/verification`, undefined, who),
      ),
    )
    assert.deepEqual(
      verification.map(({ status }) => status),
      [403, 403, 404],
    )
  })

  it('that somebody tried to read is in the audit log, and so is the reading', async () => {
    await read('wil')
    await read('rex', '?download=true')
    const { items } = await gateway.api<AuditList>(
      'GET',
      `/audit?session=${session.id}&kind=denied,exported&limit=2`,
    )
    assert.deepEqual(
      items.map(({ kind, who, action }) => [kind, who?.subject, action]),
      [
        ['exported', 'rex', 'read-recording'],
        ['denied', 'wil', 'read-recording'],
      ],
    )
  })

  it('gives nobody who replays it a place in the terminal', async () => {
    await assert.rejects(gateway.connect(session.id, { who: 'rex' }))
    for (const method of ['DELETE', 'POST']) {
      const path = method === 'POST' ? `/sessions/${session.id}/ticket` : `/sessions/${session.id}`
      assert.equal((await gateway.fetch(method, path, undefined, 'rex')).status, 403, method)
    }
    assert.equal((await gateway.api<Session>('GET', `/sessions/${session.id}`)).state, 'running')
  })
})
