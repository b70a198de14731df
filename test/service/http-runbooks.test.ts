import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Session } from '../../server/protocol/session-api.ts'
import type { RunbookList } from '../../server/protocol/runbook-api.ts'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { sharedHttpGateway } from '../support/http-gateway.ts'
import { policyOf, rule } from '../support/policies.ts'

const steps = [{ text: 'Look\nwell', command: 'ps' }, { command: 'df' }]
const policy = policyOf(
  rule('opener', ['open', 'list']),
  rule('watcher', ['watch', 'list']),
  rule('reader', ['list']),
  rule('replayer', ['read-recording']),
)

const codeOf = ({ body }: { body: unknown }) => (body as { code: string }).code

describe('runbooks', () => {
  const shared = sharedHttpGateway({
    policy,
    change: () => ({
      runbooks: ({ environment, name }) => [
        { name: `for ${environment}/${name}`, steps },
        { name: 'second', steps: [{ text: 'Ask' }] },
      ],
    }),
  })

  async function get(path: string, subject: string) {
    const token = await shared().issuer.token(subject, {})
    const answer = await shared().call(`/api/v1/${path}`, token)
    return { status: answer.status, body: (await answer.json()) as unknown }
  }

  async function open(): Promise<string> {
    const token = await shared().issuer.token('opener', {})
    const body = JSON.stringify({ target: 'local/web-1' })
    const answer = await shared().call('/api/v1/sessions', token, { method: 'POST', body })
    assert.equal(answer.status, 201, await answer.clone().text())
    return ((await answer.json()) as Session).id
  }

  it('come with what whoever may open a target is told of it', async () => {
    const { body } = await get('targets/local/web-1', 'opener')
    assert.deepEqual((body as TargetDetail).options?.runbooks, [
      { name: 'for local/web-1', steps },
      { name: 'second', steps: [{ text: 'Ask' }] },
    ])
  })

  it('are not told to those who may see the target and not open it', async () => {
    for (const subject of ['watcher', 'reader']) {
      const { status, body } = await get('targets/local/web-1', subject)
      assert.equal(status, 200)
      assert.ok(!JSON.stringify(body).includes('second'), subject)
    }
  })

  it('of a session are told to its user and to those who may watch it', async () => {
    const id = await open()
    for (const subject of ['opener', 'watcher']) {
      const { status, body } = await get(`sessions/${id}/runbooks`, subject)
      assert.equal(status, 200)
      assert.deepEqual((body as RunbookList).items[0], { name: 'for local/web-1', steps })
    }
  })

  it('of a session are told to nobody else', async () => {
    const id = await open()
    const refused = await get(`sessions/${id}/runbooks`, 'replayer')
    assert.deepEqual([refused.status, codeOf(refused)], [403, 'forbidden'])
    for (const [path, subject] of [
      [`sessions/${id}/runbooks`, 'reader'],
      ['sessions/none/runbooks', 'opener'],
    ] as const) {
      const answer = await get(path, subject)
      assert.deepEqual([answer.status, codeOf(answer)], [404, 'session_not_found'])
    }
  })
})
