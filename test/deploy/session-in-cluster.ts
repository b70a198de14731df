/**
 * session-in-cluster.ts URL TARGET NAMESPACE, with a token in HATCHWAY_TEST_TOKEN: what a user's program does with a gateway in a
 * cluster, and what has to come of it. Used by try-cluster.sh. TARGET runs `httpd`; NAMESPACE is the gateway's own.
 */
import assert from 'node:assert/strict'
import type { Problem } from '../../server/protocol/api.ts'
import type { Session, Verification } from '../../server/protocol/session-api.ts'
import { eventually } from '../support/eventually.ts'
import { TerminalClient } from '../support/terminal-client.ts'

const tell = (words: string) => process.stdout.write(`${words}\n`)
const [url = '', target = '', namespace = ''] = process.argv.slice(2)
const token = process.env['HATCHWAY_TEST_TOKEN'] ?? ''

async function ask(method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
}
async function json<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await ask(method, path, body)
  const text = await response.text()
  assert.ok(response.ok, `${method} ${path} answered ${response.status}: ${text}`)
  return JSON.parse(text) as T
}
const sessionNow = (id: string) => json<Session>('GET', `/sessions/${id}`)

// The first list of a cluster takes a moment after the gateway's start.
await eventually(
  async () => {
    const { items } = await json<{ items: { ref: string }[] }>('GET', '/targets?limit=200')
    return items.some(({ ref }) => ref === target)
  },
  { what: `${target} in the list`, timeoutMs: 20_000 },
)
tell(`${target} is in the list`)

const own = await ask('POST', '/sessions', {
  target: `${target.split('/')[0]}/${namespace}/deployment/hatchway`,
})
const problem = (await own.json()) as Problem
assert.ok([403, 404].includes(own.status), `the gateway's own pod answered ${own.status} ${problem.code}`)
tell(`the gateway's own pod is no target: ${problem.detail}`)

const { id } = await json<Session>('POST', '/sessions', { target, reason: 'proving the chart' })
const started = performance.now()
const terminal = await TerminalClient.connect({ url, token, sessionId: id })
await terminal.expect(/[#$] /, 60_000)
tell(`a prompt after ${Math.round(performance.now() - started)} ms`)
assert.match(await terminal.run('ps -eo user,args'), /httpd/)
assert.equal(await terminal.run('id -u; id -g'), '65532\n65532')
assert.match(await terminal.run('ls -l /proc/1/root/'), /httpd/)
assert.match(await terminal.run('curl -fsS 127.0.0.1:8000'), /html/i)
assert.match(await terminal.run('grep NoNewPrivs /proc/self/status'), /1$/)
tell("it sees the target's processes, files and port, as the target's user and without privileges")
const { identity, target: opened } = await sessionNow(id)
tell(`as ${identity?.uid}:${identity?.gid} in ${JSON.stringify(opened.resolved)}`)

terminal.type('exit\n')
const ended = await eventually(
  async () => {
    const session = await sessionNow(id)
    return session.state === 'ended' && session
  },
  { what: 'the end of the session', timeoutMs: 20_000 },
)
assert.equal(ended.end?.reason, 'exit', JSON.stringify(ended.end))
const recording = await (await ask('GET', `/sessions/${id}/recording`)).text()
assert.match(recording, /^\{"version":3/)
assert.match(recording, /httpd/)
// The recording is sealed a moment after the end.
const verification = await eventually(
  async () => {
    const answer = await ask('GET', `/sessions/${id}/verification`)
    return answer.ok && ((await answer.json()) as Verification)
  },
  { what: 'the sealed recording', timeoutMs: 20_000 },
)
assert.deepEqual([verification.whole, verification.unaltered], [true, true])
tell(`recorded, whole and unaltered: ${verification.checked.map(({ check }) => check).join(', ')}`)

const second = await json<Session>('POST', '/sessions', { target, reason: 'to be ended' })
const other = await TerminalClient.connect({ url, token, sessionId: second.id })
await other.expect(/[#$] /, 60_000)
await json('DELETE', `/sessions/${second.id}`)
const terminated = await eventually(
  async () => {
    const session = await sessionNow(second.id)
    return session.state === 'ended' && session
  },
  { what: 'the end that was asked for', timeoutMs: 30_000 },
)
assert.equal(terminated.end?.reason, 'terminated')
tell('another one is ended on request')
process.exit(0)
