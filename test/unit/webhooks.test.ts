import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { Notification } from '../../server/core/notification.ts'
import { sign, Webhooks } from '../../server/notifications/webhooks.ts'
import { sessionRow } from '../contract/store-rows.ts'
import { eventually } from '../support/eventually.ts'

const notification: Notification = {
  kind: 'approval-requested',
  session: sessionRow('s1', { reason: '<!channel> & `rm`', state: 'pending-approval' }),
}

/** A receiver that answers with these statuses in turn, the last one again and again. */
async function receive(t: TestContext, statuses: number[]) {
  const got: { headers: IncomingHttpHeaders; body: string; path: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      got.push({ headers: request.headers, body, path: request.url ?? '' })
      const status = statuses.length > 1 ? statuses.shift() : statuses[0]
      response.writeHead(status ?? 200, { location: '/elsewhere' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  return { got, url: `http://127.0.0.1:${port}/hook?key=hidden` }
}

function start(t: TestContext, url: string, change: { kind?: 'generic' | 'slack'; secret?: string } = {}) {
  const failures: string[] = []
  const webhooks = new Webhooks({
    hooks: [{ url, kind: 'generic', ...change }],
    publicUrl: 'https://hatchway.example.com',
    backOffMs: [1, 1],
    onFailure: (to, cause) => failures.push(`${to} ${String(cause)}`),
  })
  t.after(() => webhooks.close())
  return { webhooks, failures }
}

describe('a webhook', () => {
  it('gets a signed body', async (t) => {
    const { got, url } = await receive(t, [204])
    start(t, url, { secret: 'a secret of sixteen' }).webhooks.notify(notification)
    await eventually(() => got.length === 1)
    const { headers, body } = got[0] ?? assert.fail()
    assert.equal(
      headers['hatchway-signature'],
      sign('a secret of sixteen', String(headers['hatchway-timestamp']), body),
    )
    const sent = JSON.parse(body) as { kind: string; session: { id: string; url: string } }
    assert.equal(sent.kind, 'approval-requested')
    assert.equal(sent.session.url, 'https://hatchway.example.com/sessions/s1')
  })

  it('gets text without mentions where it is Slack', async (t) => {
    const { got, url } = await receive(t, [200])
    start(t, url, { kind: 'slack' }).webhooks.notify(notification)
    await eventually(() => got.length === 1)
    const { text } = JSON.parse(got[0]?.body ?? '{}') as { text: string }
    assert.match(text, /\*Ada Lovelace\* asks for approval/)
    assert.match(text, /Reason: &lt;!channel&gt; &amp; 'rm'/)
  })

  it('says which process was asked for', async (t) => {
    const session = { ...notification.session, process: 'a`<b>' }
    const { got, url } = await receive(t, [200])
    start(t, url).webhooks.notify({ ...notification, session })
    start(t, url, { kind: 'slack' }).webhooks.notify({ ...notification, session })
    await eventually(() => got.length === 2)
    const bodies = got.map(
      ({ body }) => JSON.parse(body) as { text?: string; session?: { process?: string } },
    )
    assert.equal(bodies.find((each) => each.session)?.session?.process, 'a`<b>')
    assert.match(bodies.find((each) => each.text)?.text ?? '', /, process `a'&lt;b&gt;` \(toolbox/)
  })

  it('is tried again after an error, under the same delivery id, and in order', async (t) => {
    const { got, url } = await receive(t, [503, 429, 200])
    const { webhooks, failures } = start(t, url)
    webhooks.notify(notification)
    webhooks.notify({ ...notification, kind: 'approved' })
    await eventually(() => got.length === 4)
    const ids = got.map(({ headers }) => headers['hatchway-delivery'])
    assert.equal(new Set(ids.slice(0, 3)).size, 1)
    assert.notEqual(ids[3], ids[0])
    assert.deepEqual(failures, [])
  })

  for (const [status, tries] of [
    [500, 3],
    [400, 1],
    [302, 1],
  ] as const) {
    it(`is given up after ${tries} tries when it answers ${status}, without its address in the words`, async (t) => {
      const { got, url } = await receive(t, [status])
      const { webhooks, failures } = start(t, url)
      webhooks.notify(notification)
      await eventually(() => failures.length === 1)
      assert.equal(got.length, tries)
      assert.ok(
        got.every(({ path }) => path.startsWith('/hook')),
        'no redirect is followed',
      )
      assert.match(failures[0] ?? '', new RegExp(`^127\\.0\\.0\\.1:\\d+ Error: it answered ${status}$`))
      assert.doesNotMatch(failures[0] ?? '', /hidden/)
    })
  }

  it('that is not there is told of in plain words', async (t) => {
    const { webhooks, failures } = start(t, 'http://127.0.0.1:1/hook?key=hidden')
    webhooks.notify(notification)
    await eventually(() => failures.length === 1)
    assert.match(failures[0] ?? '', /cannot be reached/)
    assert.doesNotMatch(failures[0] ?? '', /hidden/)
  })

  it('loses nobody else’s messages to one person’s flood', async (t) => {
    const { got, url } = await receive(t, [200])
    const { webhooks, failures } = start(t, url)
    for (let count = 0; count < 150; count++) webhooks.notify(notification)
    assert.ok(failures.length >= 40 && failures.length <= 50, `${failures.length} were dropped`)
    const user = { ...notification.session.user, subject: 'bob', name: 'Bob' }
    webhooks.notify({ ...notification, session: { ...notification.session, user } })
    await eventually(() => got.some(({ body }) => body.includes('Bob')), { timeoutMs: 60_000 })
  })
})
