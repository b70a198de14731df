import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Session } from '../../server/protocol/session-api.ts'
import { closeCodes } from '../../server/protocol/terminal.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { within } from '../support/within.ts'

const rules = (...who: string[]) => `
rules:
  - {name: these open, who: {subjects: [${who.join(', ')}]}, actions: [open], effect: allow}
  - {name: interns watch, who: {groups: [interns]}, actions: [watch], effect: allow}
  - {name: house, who: {subjects: [jane]}, actions: [list, terminate, read-audit], effect: allow}
`

let gateway: TestGateway

before(async () => {
  gateway = await TestGateway.start({ scripted: true, policy: rules('ada', 'bob') })
  gateway.groups['ivy'] = ['interns']
})
after(() => gateway.stop())

const setPolicy = (text: string) => writeFile(join(gateway.directory, 'policy.yaml'), text)
const get = (id: string, who: string) => gateway.api<Session>('GET', `/sessions/${id}`, undefined, who)

describe('a policy file that changes', () => {
  it('ends a session that it forbids though nobody looks at it, and no other', async () => {
    const { session, terminal } = await gateway.open('local/web', { who: 'ada' })
    const other = await gateway.open('local/web', { who: 'bob' })
    terminal.socket.close()
    await within(terminal.closed, 'the socket to close')
    await setPolicy(rules('bob'))
    const ended = await eventually(async () => {
      const now = await get(session.id, 'ada')
      return now.state === 'ended' && now
    })
    assert.equal(ended.end?.reason, 'denied')
    assert.match(ended.end?.detail ?? '', /^Policy no longer allows this session\. No rule lets ada/)
    assert.equal((await get(other.session.id, 'bob')).state, 'running')
    await setPolicy(rules('ada', 'bob'))
  })

  it('lets a viewer go who may watch no longer, and leaves the session alone', async () => {
    const { session, terminal } = await gateway.open('local/web', { who: 'bob' })
    const watcher = await gateway.connect(session.id, { who: 'ivy', role: 'observer' })
    await setPolicy(rules('ada', 'bob').replace('[interns]', '[nobody]'))
    const { code } = await within(watcher.closed, 'the viewer to be let go')
    assert.equal(code, closeCodes.revoked)
    terminal.type('still here')
    await terminal.expect(/still here/)
  })
})
