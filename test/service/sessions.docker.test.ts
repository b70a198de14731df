import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { AuditList, Session } from '../../server/protocol/api.ts'
import { closeCodes } from '../../server/protocol/terminal.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages } from '../support/images.ts'
import { outputOf } from '../support/recordings.ts'
import type { TerminalClient } from '../support/terminal-client.ts'

let gateway: TestGateway
let target: TestContainer
let containers: TestContainers

before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  target = await containers.start({ image: 'web' })
  gateway = await TestGateway.start()
})
after(async () => {
  await gateway.stop()
  await containers.removeAll()
})

const ref = () => `local/${target.name}`
const ended = (id: string) =>
  eventually(
    async () => {
      const session = await gateway.api<Session>('GET', `/sessions/${id}`)
      return session.state === 'ended' && session.recording.state === 'sealed' && session
    },
    { what: 'the session to end' },
  )
const recordedOutput = async (id: string) =>
  outputOf(await (await gateway.fetch('GET', `/sessions/${id}/recording`)).text())

describe('a session in a container without a shell', () => {
  it('gives a prompt in its processes, files and network, with its identity', async () => {
    const { session, terminal } = await gateway.open(ref())
    assert.equal(session.state, 'starting')
    assert.match(await terminal.run('ps'), /^\s*1 .*httpd/m)
    assert.equal(await terminal.run('id -u; id -g'), '65532\n65532')
    assert.equal(await terminal.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
    assert.equal(await terminal.run('wget -qO- 127.0.0.1:8080/hello.txt'), 'hello from the target')
    const row = await gateway.api<Session>('GET', `/sessions/${session.id}`)
    assert.equal(row.identity?.uid, 65532)
    assert.equal(row.identity?.seesFiles, true)
    terminal.type('exit 7\n')
    assert.deepEqual((await terminal.message('exit')).end, { reason: 'exit', code: 'exited', exitCode: 7 })
    assert.equal((await terminal.closed).code, closeCodes.ended)
  })

  it('records exactly what was shown, and says so in the audit log in order', async () => {
    const { session, terminal } = await gateway.open(ref(), { body: { reason: 'INC-7', ticket: 'T-1' } })
    await terminal.run("printf 'bin: \\377\\376\\200 caf\\303\\251\\n'; seq 1 20000")
    terminal.type('exit\n')
    await terminal.message('exit')
    const row = await ended(session.id)
    const recorded = await recordedOutput(session.id)
    assert.ok(recorded.equals(terminal.bytes), 'the recording holds the bytes that the viewer got')
    assert.equal(row.recording.outputBytes, terminal.bytes.length)
    const { items } = await gateway.api<AuditList>('GET', `/audit?session=${session.id}`)
    const kinds = items.map(({ kind }) => kind).toReversed()
    assert.deepEqual(
      kinds.filter((kind) => ['opened', 'started', 'ended'].includes(kind)),
      ['opened', 'started', 'ended'],
    )
    assert.equal(items.at(-1)?.reason, 'INC-7')
    const check = await gateway.api<{ whole: boolean; unaltered: boolean }>(
      'GET',
      `/sessions/${session.id}/verification`,
    )
    assert.equal(check.whole && check.unaltered, true)
  })

  it('runs a command in place of the shell, and takes no text for shell text', async () => {
    const command = ['printf', '%s|', 'a b', '$(id)', "'", ';reboot']
    const session = await gateway.api<Session>('POST', '/sessions', { target: ref(), command })
    const terminal = await gateway.connect(session.id)
    await terminal.message('exit')
    assert.equal(terminal.text, "a b|$(id)|'|;reboot|")
  })

  it('ends on request, with who and why', async () => {
    const { session, terminal } = await gateway.open(ref())
    await gateway.api('DELETE', `/sessions/${session.id}`, { reason: 'done here' })
    const { end } = await terminal.message('exit')
    const by = { subject: 'jane', name: 'jane', issuer: gateway.issuer.issuer }
    assert.deepEqual(end, { reason: 'terminated', code: 'terminated', by, detail: 'done here' })
    const { docker } = await defaultEngine()
    await eventually(async () => {
      const list = await docker.listContainers({
        all: true,
        filters: { label: [`hatchway.session=${session.id}`] },
      })
      return list.length === 0
    })
  })

  it('says that the target went away, and not that the shell was killed', async () => {
    const doomed = await containers.start({ image: 'web' })
    const { terminal } = await gateway.open(`local/${doomed.name}`)
    await doomed.container.remove({ force: true })
    const { end } = await terminal.message('exit')
    assert.equal(end.reason, 'target-exited')
  })

  it('holds the limit of sessions per user', async () => {
    const strict = await TestGateway.start({ config: { limits: { sessionsPerUser: 1 } } })
    try {
      await strict.open(ref())
      await assert.rejects(strict.open(ref()), /429 too_many_sessions/)
      await strict.open(ref(), { who: 'bob' })
    } finally {
      await strict.stop()
    }
  })

  it('is cancelled while it starts without leaving a container', async () => {
    const session = await gateway.api<Session>('POST', '/sessions', { target: ref() })
    await gateway.api('DELETE', `/sessions/${session.id}`)
    await ended(session.id)
    const { docker } = await defaultEngine()
    const list = await docker.listContainers({
      all: true,
      filters: { label: [`hatchway.session=${session.id}`] },
    })
    assert.deepEqual(list, [])
  })
})

describe('coming back', () => {
  it('goes on at the offset, no byte lost or doubled, in the same shell', async () => {
    const { session, terminal } = await gateway.open(ref())
    const pid = await terminal.run('echo $$')
    // Waits halfway, so that there is more to come however quick it is.
    terminal.type('for i in $(seq 1 3000); do echo line $i; [ $i != 2000 ] || read -r go; done\n')
    await terminal.expect(/line 500\r\n/)
    terminal.cut()
    await terminal.closed
    const before = terminal.bytes
    const { offset } = terminal
    const again = await gateway.connect(session.id, { offset })
    assert.equal((await again.message('hello')).offset, offset)
    again.type('\n')
    await again.expect(/line 3000\r\n/)
    assert.equal(await again.run('echo $$'), pid)
    again.type('exit\n')
    await again.message('exit')
    await ended(session.id)
    assert.ok(Buffer.concat([before, again.bytes]).equals(await recordedOutput(session.id)))
  })

  it('gets a screen when the offset is no longer held, then goes on live', async () => {
    const { session, terminal } = await gateway.open(ref())
    await terminal.run('seq 1 400000 | tail -c 2500000', 30_000)
    terminal.cut()
    const again = await gateway.connect(session.id, { offset: 10 })
    const reset = await again.message('reset')
    assert.ok(reset.snapshotBytes > 0)
    await again.expect(/399999\s+400000/)
    assert.equal(await again.run('echo after'), 'after')
  })

  it('types nothing into the shell by replaying its output', async () => {
    const { session, terminal } = await gateway.open(ref())
    await terminal.run('true')
    terminal.close()
    const again = await gateway.connect(session.id)
    const hello = await again.message('hello')
    assert.equal(hello.offset, 0)
    assert.ok(hello.liveFrom > 0, 'tells which output was shown before')
  })

  it('ends when nobody was connected for the grace time', async () => {
    const brief = await TestGateway.start({ config: { limits: { detachedGrace: '1s' } } })
    try {
      const { session, terminal } = await brief.open(ref())
      terminal.close()
      await eventually(async () => {
        const { end } = await brief.api<Session>('GET', `/sessions/${session.id}`)
        return end?.reason === 'idle' && end.detail?.includes('Nobody was connected')
      })
    } finally {
      await brief.stop()
    }
  })

  it('ends at its deadline and when nothing is typed, by policy', async () => {
    const rule = (limits: string) =>
      `rules: [{name: short, who: {everyone: true}, actions: [open, watch, terminate], effect: allow, ${limits}}]`
    for (const [limits, reason] of [
      ['maxDuration: 2s', 'expired'],
      ['idleTimeout: 2s', 'idle'],
    ] as const) {
      const brief = await TestGateway.start({ policy: rule(limits) })
      try {
        const { terminal } = await brief.open(ref())
        assert.equal((await terminal.message('exit')).end.reason, reason)
      } finally {
        await brief.stop()
      }
    }
  })
})

describe('who is in control', () => {
  const openWithBob = async (): Promise<{ session: Session; jane: TerminalClient; bob: TerminalClient }> => {
    const { session, terminal: jane } = await gateway.open(ref())
    const bob = await gateway.connect(session.id, { who: 'bob' })
    return { session, jane, bob }
  }

  it('is one; another person watches until they take control', async () => {
    const { jane, bob } = await openWithBob()
    assert.equal((await bob.message('hello')).role, 'observer')
    bob.type('echo typed by bob\n')
    await bob.message('notice', ({ text }) => text.includes('watching'))
    await jane.run('echo typed by jane')
    await bob.expect(/typed by jane\r\n/)
    assert.doesNotMatch(jane.text, /typed by bob/)
    bob.send({ type: 'take-control' })
    assert.equal((await jane.closed).code, closeCodes.controlTaken)
    assert.equal(await bob.run('echo now bob'), 'now bob')
  })

  it('is the newest connection of the same person', async () => {
    const { session, terminal } = await gateway.open(ref())
    const tab = await gateway.connect(session.id, { offset: terminal.offset })
    assert.equal((await tab.message('hello')).role, 'controller')
    assert.equal((await terminal.closed).code, closeCodes.controlTaken)
    assert.equal(await tab.run('echo second tab'), 'second tab')
  })

  it('alone sets the size; observers are told', async () => {
    const { jane, bob } = await openWithBob()
    bob.send({ type: 'resize', size: { cols: 33, rows: 11 } })
    jane.send({ type: 'resize', size: { cols: 101, rows: 41 } })
    assert.deepEqual((await bob.message('resize')).size, { cols: 101, rows: 41 })
    // The engine takes a moment to tell the terminal.
    await eventually(async () => (await jane.run('stty size')) === '41 101')
  })
})
