/** Approvals where no engine is needed: who is one person, what was approved, and who is told of it. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parse, stringify } from 'yaml'
import type { Problem } from '../../server/protocol/api.ts'
import type { ApprovalList, Session } from '../../server/protocol/session-api.ts'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'

const policy = `
rules:
  - name: four eyes
    who: {groups: [engineers, "partner:engineers"]}
    actions: [open]
    effect: require-approval
    approval: {groups: [leads, "partner:leads"], count: 2}
    breakGlass: {groups: [oncall]}
  - {name: leads decide, who: {groups: [leads, "partner:leads"]}, actions: [approve, terminate], effect: allow}
  - {name: house, who: {subjects: [jane]}, actions: [list, terminate, read-audit], effect: allow}
`

interface Delivery {
  headers: IncomingHttpHeaders
  path: string
  body: string
}

/** A receiver of webhooks on loopback, which keeps what comes. */
class Receiver {
  readonly deliveries: Delivery[] = []
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        this.deliveries.push({ headers: request.headers, path: request.url ?? '', body })
        response.writeHead(204).end()
      })
    })
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** This many deliveries whose bodies hold one of the words, once they have come. */
  async about(count: number, ...words: string[]): Promise<(Delivery & { json: Record<string, unknown> })[]> {
    const found = () => this.deliveries.filter(({ body }) => words.some((word) => body.includes(word)))
    await eventually(() => found().length >= count, { what: `${count} notifications about ${words.join()}` })
    return found().map((each) => ({ ...each, json: JSON.parse(each.body) as Record<string, unknown> }))
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

const secret = 'a secret of sixteen and more'
const generic = new Receiver()
const slack = new Receiver()
let directory: string
let partner: TokenIssuer
let gateway: TestGateway

before(async () => {
  partner = await startTokenIssuer()
  const { issuer, jwksUri } = partner
  directory = await mkdtemp(join(tmpdir(), 'hatchway-hook-'))
  const secretFile = join(directory, 'secret')
  await writeFile(secretFile, secret, { mode: 0o600 })
  gateway = await TestGateway.start({
    scripted: true,
    policy,
    auth: { issuers: [{ issuer, audience: 'hatchway', jwksUri, prefix: 'partner:' }] },
    config: {
      notifications: [
        { url: `${await generic.start()}/hook?key=hidden`, secret: { file: secretFile } },
        { url: `${await slack.start()}/services/T0/B0/x`, kind: 'slack' },
      ],
    },
  })
})
after(async () => {
  await gateway.stop()
  await partner.close()
  generic.close()
  slack.close()
  await rm(directory, { recursive: true })
})

const home = (sub: string, ...groups: string[]) => gateway.issuer.sign({ sub, name: sub, groups })
const away = (sub: string, ...groups: string[]) => partner.sign({ sub, name: sub, groups })

type Answer = Partial<Problem & Session & ApprovalList>

async function call(token: string, method: string, path: string, body?: object) {
  const response = await fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Answer }
}

async function ask(token: string, body: object = {}): Promise<string> {
  const asked = await call(token, 'POST', '/sessions', {
    target: 'local/web',
    reason: 'INC-7',
    ...body,
  })
  assert.ok(asked.status === 202 || asked.status === 201, JSON.stringify(asked.body))
  return asked.body.id ?? assert.fail('it has no id')
}
const approve = (token: string, id: string) =>
  call(token, 'POST', `/sessions/${id}/decision`, { decision: 'approve' })

describe('one person', () => {
  it('does not decide on their own request, however they sign in the second time', async () => {
    const id = await ask(await home('ada', 'engineers'))
    const selves = [
      ['the same sign-in', await home('ada', 'leads')],
      ['the same name at another issuer', await away('ada', 'leads')],
      ['another case', await home('ADA', 'leads')],
      ['another width', await home('ａｄａ', 'leads')],
      ['what cannot be seen', await home('a\u200Bda', 'leads')],
      ['another case at another issuer', await away('Ada', 'leads')],
    ] as const
    for (const [how, token] of selves) {
      const { status, body } = await approve(token, id)
      assert.deepEqual([status, body.code], [403, 'own_request'], how)
      const list = await call(token, 'GET', '/approvals')
      assert.deepEqual(list.body.requests, [], how)
    }
    const { items } = await gateway.api<AuditList>('GET', `/audit?session=${id}&kind=denied`)
    assert.equal(items.length, selves.length)
    assert.equal((await approve(await home('adam', 'leads'), id)).status, 200)
  })

  it('does not decide on a request that they made by the issuer with the prefix', async () => {
    const id = await ask(await away('eve', 'engineers'))
    for (const token of [
      await home('eve', 'leads'),
      await home('partner:eve', 'leads'),
      await away('EVE', 'leads'),
    ])
      assert.equal((await approve(token, id)).body.code, 'own_request')
    assert.equal((await approve(await away('lea', 'leads'), id)).status, 200)
  })

  it('gives one approval, however many sign-ins they have', async () => {
    const id = await ask(await home('bob', 'engineers'))
    assert.equal((await approve(await home('lea', 'leads'), id)).status, 200)
    for (const token of [await home('LEA', 'leads'), await away('lea', 'leads')])
      assert.deepEqual((await approve(token, id)).body.code, 'already_decided')
    const second = await approve(await away('leo', 'leads'), id)
    assert.equal(second.status, 200)
    assert.equal(second.body.approval?.outcome, 'approved')
  })

  it('does not review their own broken glass', async () => {
    const id = await ask(await home('kim', 'engineers', 'oncall'), { breakGlass: true })
    const token = await home('jane')
    await call(token, 'DELETE', `/sessions/${id}`, { reason: 'over' })
    const review = (by: string) =>
      call(by, 'POST', `/sessions/${id}/review`, { verdict: 'justified', reason: 'ok' })
    assert.equal((await review(await away('KIM', 'leads'))).body.code, 'own_request')
    assert.equal((await review(await away('leo', 'leads'))).status, 200)
  })
})

describe('notifications of a running gateway', () => {
  it('are signed, tell what was asked and decided, in order, and take no words for markup', async () => {
    const reason = 'down <!channel> & `rm`'
    const id = await ask(await home('zoe', 'engineers'), { reason, ticket: 'INC-9' })
    await approve(await home('lea', 'leads'), id)
    await approve(await home('leo', 'leads'), id)
    const other = await ask(await home('zoe', 'engineers'))
    const denial = { decision: 'deny', reason: 'not now' }
    await call(await home('leo', 'leads'), 'POST', `/sessions/${other}/decision`, denial)
    const deliveries = await generic.about(4, id, other)
    const bodies = deliveries.map(({ json }) => json)
    assert.deepEqual(
      bodies.map(({ kind }) => kind),
      ['approval-requested', 'approved', 'approval-requested', 'denied'],
    )
    for (const { headers, body, path } of deliveries) {
      const timestamp = String(headers['hatchway-timestamp'])
      const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
      assert.equal(headers['hatchway-signature'], `v1=${signature}`)
      assert.ok(Math.abs(Date.now() / 1000 - Number(timestamp)) < 60)
      assert.equal(path, '/hook?key=hidden')
    }
    const ids = deliveries.map(({ headers }) => headers['hatchway-delivery'])
    assert.equal(new Set(ids).size, 4)
    const [asked, approved, , denied] = bodies
    const session = asked?.['session'] as Record<string, unknown>
    assert.deepEqual([session['id'], session['reason'], session['ticket']], [id, reason, 'INC-9'])
    const { issuer } = gateway.issuer
    assert.deepEqual(session['user'], { subject: 'zoe', name: 'zoe', issuer })
    assert.deepEqual(approved?.['by'], { subject: 'leo', name: 'leo', issuer })
    assert.equal(denied?.['reason'], 'not now')
    const told = await slack.about(4, '*zoe*')
    const texts = told.map(({ json }) => String(json['text']))
    assert.match(texts[0] ?? '', /^\*zoe\* asks for approval of a session in `local\/web`/)
    assert.match(texts[0] ?? '', /down &lt;!channel&gt; &amp; 'rm'/)
    assert.match(texts[3] ?? '', /was denied a session.*\n.*By leo: not now/s)
    assert.equal(told[0]?.headers['hatchway-signature'], undefined)
    assert.ok(!gateway.log.includes('hidden') && !gateway.log.includes(secret))
  })

  it('tell of broken glass at once, and of its review', async () => {
    const id = await ask(await home('kim', 'engineers', 'oncall'), { breakGlass: true })
    assert.equal((await generic.about(1, id))[0]?.json['kind'], 'break-glass')
    await call(await home('jane'), 'DELETE', `/sessions/${id}`, { reason: 'over' })
    const verdict = { verdict: 'unjustified', reason: 'nothing was down' }
    await call(await home('leo', 'leads'), 'POST', `/sessions/${id}/review`, verdict)
    const reviewed = (await generic.about(2, id))[1]?.json
    assert.deepEqual(
      [reviewed?.['kind'], reviewed?.['reason']],
      ['reviewed', 'unjustified: nothing was down'],
    )
  })
})

describe('a request whose toolbox is changed while it waits', () => {
  it('does not start as something that nobody approved', async () => {
    const id = await ask(await home('rae', 'engineers'))
    const same = await ask(await home('rae', 'engineers'))
    await approve(await home('lea', 'leads'), id)
    await gateway.down()
    const path = join(gateway.directory, 'hatchway.yaml')
    const config = parse(await readFile(path, 'utf8')) as { toolboxes: { image: string }[] }
    const { toolboxes } = config
    await writeFile(
      path,
      stringify({ ...config, toolboxes: toolboxes.map((each) => ({ ...each, image: 'other' })) }),
    )
    await gateway.up()
    const last = await approve(await home('leo', 'leads'), id)
    assert.equal(last.status, 200)
    assert.equal(last.body.state, 'ended')
    assert.equal(last.body.end?.reason, 'denied')
    assert.match(last.body.end?.detail ?? '', /toolbox busybox is not the one that was approved/)
    const { items } = await gateway.api<AuditList>('GET', `/audit?session=${id}`)
    assert.ok(!items.some(({ kind }) => kind === 'opened'))
    await gateway.down()
    await writeFile(path, stringify(config))
    await gateway.up()
    await approve(await home('lea', 'leads'), same)
    assert.equal((await approve(await home('leo', 'leads'), same)).body.approval?.outcome, 'approved')
  })
})
