import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Problem } from '../../server/protocol/api.ts'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Session, Verification } from '../../server/protocol/session-api.ts'
import type { Run } from '../../server/protocol/run-api.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages } from '../support/images.ts'
import { outputOf } from '../support/recordings.ts'

const megabyte = 1024 * 1024

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
const sh = (script: string) => ['/bin/sh', '-c', script]
const run = (command: readonly string[], change: object = {}, on = gateway, who = 'jane') =>
  on.api<Run>('POST', '/runs', { target: ref(), command, timeoutSeconds: 30, ...change }, who)
const sessionOf = ({ id }: Pick<Run, 'id'>, on = gateway) => on.api<Session>('GET', `/sessions/${id}`)
const recorded = async ({ id }: Pick<Run, 'id'>, on = gateway) =>
  outputOf(await (await on.fetch('GET', `/sessions/${id}/recording`)).text())
/** As a terminal shows it. */
const shown = (text: string) => text.replaceAll('\n', '\r\n')
const remains = ({ id }: Pick<Run, 'id'>) =>
  containers.engine.docker.listContainers({ all: true, filters: { label: [`hatchway.session=${id}`] } })
const gone = (run: Pick<Run, 'id'>) =>
  eventually(async () => (await remains(run)).length === 0, { what: 'the debug container to be gone' })
async function refused(response: Promise<Response>): Promise<[number, string]> {
  const answer = await response
  return [answer.status, ((await answer.json()) as Problem).code]
}
const ask = (command: readonly string[], change: object, on: TestGateway, who: string) =>
  on.fetch('POST', '/runs', { target: ref(), command, timeoutSeconds: 30, ...change }, who)
/** The run that this person has going. */
const going = (on = gateway, who = 'jane') =>
  eventually(
    async () => {
      const { items } = await on.api<{ items: Session[] }>(
        'GET',
        `/sessions?user=${who}&state=running`,
        undefined,
        who,
      )
      return items.find((each) => each.run === true) ?? false
    },
    { what: 'the run to be running' },
  )

describe('a run', () => {
  it('answers with exit code and both streams, as the target, among its files', async () => {
    const done = await run(sh('id -u; cat $TARGET/www/hello.txt; echo careful >&2; exit 7'), {
      reason: 'INC-7',
    })
    assert.equal(done.exitCode, 7)
    assert.deepEqual(done.end, { reason: 'exit', code: 'exited', exitCode: 7 })
    assert.equal(done.stdout.trim(), '65532\nhello from the target')
    assert.equal(done.stderr, 'careful\n')
    assert.deepEqual(done.encoding, { stdout: 'utf-8', stderr: 'utf-8' })
    assert.deepEqual(done.truncated, { stdout: false, stderr: false })
    assert.equal(done.identity?.seesFiles, true)
    assert.ok(done.durationMs > 0)
  })

  it('takes no text for shell text', async () => {
    const command = ['printf', '%s|', 'a b', '$(id)', "'", ';reboot', '']
    assert.equal((await run(command)).stdout, "a b|$(id)|'|;reboot||")
  })

  for (const [command, code] of [
    [['true'], 0],
    [['false'], 1],
    [['/proc'], 126],
    [['/no/such/program'], 127],
    [sh('kill -9 $$'), 137],
  ] as const) {
    it(`gives exit code ${code} of ${command.join(' ')}`, async () => {
      assert.equal((await run(command)).exitCode, code)
    })
  }

  it('begins where it is told to, which is in the audit log', async () => {
    const done = await run(['cat', 'hello.txt'], { cwd: '$TARGET/www' })
    assert.equal(done.stdout, 'hello from the target\n')
    const { items } = await gateway.api<AuditList>('GET', `/audit?session=${done.id}`)
    assert.equal(items.at(-1)?.detail?.['cwd'], '"$TARGET/www"')
    for (const cwd of ['', 'www', '../x', '$HOME', '$TARGETS', '~', '/a\nb', '/\u001b[2J']) {
      assert.deepEqual(await refused(ask(['true'], { cwd }, gateway, 'jane')), [400, 'invalid_request'], cwd)
    }
    // Of what a shell would read in it, nothing is read.
    for (const cwd of ['/tmp; :', '$TARGET/www; :', '$TARGET/$(echo www)', '/tm*']) {
      const { exitCode, stderr } = await run(['true'], { cwd })
      assert.equal(exitCode, 125, cwd)
      assert.ok(stderr.includes(`${cwd.replace('$TARGET', '/proc/1/root')} cannot be entered`), stderr)
    }
  })

  it('is a session: in lists, with its command, recorded, sealed, verified', async () => {
    const done = await run(['seq', '1', '2000'])
    const session = await sessionOf(done)
    assert.equal(session.run, true)
    assert.deepEqual(session.command, ['seq', '1', '2000'])
    assert.equal(session.state, 'ended')
    assert.equal(session.recording.state, 'sealed')
    assert.equal((await recorded(done)).toString(), shown(done.stdout))
    const text = await (await gateway.fetch('GET', `/sessions/${done.id}/recording?format=text`)).text()
    assert.match(text, /^1\n2\n3\n/m)
    const check = await gateway.api<Verification>('GET', `/sessions/${done.id}/verification`)
    assert.equal(check.whole && check.unaltered, true)
    await gone(done)
  })

  it('is written down before it happens, with who, where and the argv', async () => {
    const done = await run(sh("echo 'a b'"), { reason: 'INC-7', ticket: 'T-1' })
    const { items } = await gateway.api<AuditList>('GET', `/audit?session=${done.id}`)
    const events = items.toReversed()
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['opened', 'started', 'ended'],
    )
    const [opened] = events
    assert.equal(opened?.action, 'run')
    assert.equal(opened?.reason, 'INC-7')
    assert.equal(opened?.detail?.['command'], `/bin/sh -c "echo 'a b'"`)
  })

  it('loses no output of fifty commands in a row that end at once', async () => {
    for (let round = 0; round < 50; round += 1) {
      const done = await run(sh(`printf 'out ${round}'; printf 'err ${round}' >&2`))
      const { stdout, stderr, exitCode } = done
      assert.deepEqual(
        { stdout, stderr, exitCode },
        { stdout: `out ${round}`, stderr: `err ${round}`, exitCode: 0 },
      )
    }
  })

  it('runs beside others', async () => {
    const letters = ['a', 'b', 'c', 'd', 'e']
    const all = await Promise.all(letters.map((letter) => run(sh(`printf ${letter}; sleep 0.5`))))
    assert.deepEqual(
      all.map(({ stdout }) => stdout),
      letters,
    )
  })

  it('gives the bytes of what is no text', async () => {
    const done = await run(sh(`printf '\\377\\000\\n\\303\\251'; printf 'caf\\303\\251' >&2`))
    assert.deepEqual(done.encoding, { stdout: 'base64', stderr: 'utf-8' })
    assert.deepEqual(Buffer.from(done.stdout, 'base64'), Buffer.from([0xff, 0, 0x0a, 0xc3, 0xa9]))
    assert.equal(done.stderr, 'café')
  })

  it('answers with the first mebibyte and records all of it', async () => {
    const done = await run(sh(`printf x; yes é | head -n 700000 | tr -d '\\n'; echo end >&2; exit 4`))
    assert.deepEqual(done.truncated, { stdout: true, stderr: false })
    assert.equal(done.exitCode, 4)
    assert.equal(done.encoding.stdout, 'utf-8')
    // One byte less, for the character that the limit cuts in two.
    assert.equal(Buffer.byteLength(done.stdout), megabyte - 1)
    assert.match(done.stdout, /^xé+$/)
    assert.equal(done.stderr, 'end\n')
    const bytes = await recorded(done)
    assert.equal(bytes.length, 1 + 1_400_000 + 'end\r\n'.length)
  })

  it('is ended when its time is over, with what it has written until then', async () => {
    const done = await run(sh('echo begun; sleep 600'), { timeoutSeconds: 2 })
    assert.equal(done.end.reason, 'expired')
    assert.equal(done.exitCode, undefined)
    assert.equal(done.stdout, 'begun\n')
    await gone(done)
  })

  it('is ended when its caller hangs up, and its container goes', async () => {
    const caller = new AbortController()
    const headers = {
      authorization: `Bearer ${await gateway.token('bob')}`,
      'content-type': 'application/json',
    }
    const body = JSON.stringify({ target: ref(), command: ['sleep', '600'], timeoutSeconds: 600 })
    const call = fetch(`${gateway.url}/api/v1/runs`, { method: 'POST', headers, body, signal: caller.signal })
    const session = await going(gateway, 'bob')
    caller.abort()
    await assert.rejects(call, { name: 'AbortError' })
    await gone(session)
    const ended = await eventually(async () => {
      const now = await sessionOf(session)
      return now.state === 'ended' && now
    })
    assert.equal(ended.end?.reason, 'terminated')
    assert.match(ended.end?.detail ?? '', /hung up/)
  })

  it('is ended by DELETE, as its caller is told', async () => {
    const running = run(sh('echo begun; sleep 600'), {}, gateway, 'carol')
    const session = await going(gateway, 'carol')
    assert.equal(session.can.control, false)
    await gateway.api('DELETE', `/sessions/${session.id}`, { reason: 'enough' })
    const done = await running
    assert.deepEqual([done.end.code, done.end.by?.subject, done.end.detail], ['terminated', 'jane', 'enough'])
    await gone(done)
  })

  it('may be watched, and not typed into', async () => {
    const running = run(sh('echo begun; sleep 2; cat; echo over'), {}, gateway, 'dora')
    const session = await going(gateway, 'dora')
    const viewer = await gateway.connect(session.id, { who: 'dora' })
    assert.equal((await viewer.message('hello')).role, 'observer')
    viewer.type('typed\n')
    await viewer.message('exit')
    assert.equal((await running).stdout, 'begun\nover\n')
    assert.equal(viewer.text, 'begun\r\nover\r\n')
  })

  it('tells why it could not be started', async () => {
    const nowhere = ask(['true'], { target: 'local/no-such-container' }, gateway, 'jane')
    assert.deepEqual(await refused(nowhere), [404, 'target_not_found'])
    const stopped = await containers.start({ image: 'web', start: false })
    const down = ask(['true'], { target: `local/${stopped.name}` }, gateway, 'jane')
    assert.deepEqual(await refused(down), [409, 'target_not_running'])
    for (const wrong of [
      { command: [] },
      { command: 'ls' },
      { timeoutSeconds: 0 },
      { size: { cols: 80, rows: 24 } },
    ])
      assert.deepEqual(await refused(ask(['true'], wrong, gateway, 'jane')), [400, 'invalid_request'])
  })
})

describe('the right to run', () => {
  const policy = `
rules:
  - {name: bots run, who: {subjects: [bot]}, actions: [run], effect: allow, toolboxes: [busybox], profiles: [auto], requireReason: true, maxDuration: 1m}
  - {name: people open, who: {subjects: [ada]}, actions: [open], effect: allow}
  - {name: four eyes, who: {subjects: [eve]}, actions: [run], effect: require-approval, approval: {groups: [leads]}}
  - {name: leads approve, who: {groups: [leads]}, actions: [approve], effect: allow}
  - {name: house, who: {subjects: [jane]}, actions: [list, terminate, read-audit, read-recording], effect: allow}
`
  let strict: TestGateway
  before(async () => {
    strict = await TestGateway.start({ policy, config: { limits: { sessionsPerUser: 2 } } })
    strict.groups['lea'] = ['leads']
  })
  after(() => strict.stop())
  const why = { reason: 'alert 7' }

  it('is not the right to open, nor the other way round', async () => {
    assert.equal((await run(['true'], why, strict, 'bot')).exitCode, 0)
    const opening = strict.fetch('POST', '/sessions', { target: ref(), ...why }, 'bot')
    assert.deepEqual(await refused(opening), [403, 'forbidden'])
    assert.deepEqual(await refused(ask(['cat', 'a b'], why, strict, 'ada')), [403, 'forbidden'])
    const { items } = await strict.api<AuditList>('GET', '/audit?kind=denied&user=ada')
    assert.equal(items[0]?.action, 'run')
    assert.equal(items[0]?.detail?.['command'], 'cat "a b"')
  })

  it('comes with the limits of its rule', async () => {
    assert.deepEqual(await refused(ask(['true'], {}, strict, 'bot')), [403, 'reason_required'])
    const general = ask(['true'], { ...why, profile: 'general' }, strict, 'bot')
    assert.deepEqual(await refused(general), [403, 'forbidden'])
    const done = await run(['true'], { ...why, timeoutSeconds: 3600 }, strict, 'bot')
    const { deadline, requestedAt } = await sessionOf(done, strict)
    assert.equal(Date.parse(deadline) - Date.parse(requestedAt), 60_000)
  })

  it('counts with the sessions of its user', async () => {
    const two = [1, 2].map(() => run(['sleep', '2'], why, strict, 'bot'))
    await eventually(async () => {
      const { items } = await strict.api<{ items: Session[] }>(
        'GET',
        '/sessions?user=bot&state=starting,running',
      )
      return items.length === 2
    })
    assert.deepEqual(await refused(ask(['true'], why, strict, 'bot')), [429, 'too_many_sessions'])
    assert.deepEqual(
      (await Promise.all(two)).map(({ exitCode }) => exitCode),
      [0, 0],
    )
  })

  it('is judged again while the command runs', async () => {
    const running = run(['sleep', '50'], why, strict, 'bot')
    await going(strict, 'bot')
    const file = join(strict.directory, 'policy.yaml')
    await writeFile(file, policy.replace('subjects: [bot]', 'subjects: [other]'))
    const { end } = await running
    await writeFile(file, policy)
    assert.equal(end.reason, 'denied')
    await eventually(async () => (await ask(['true'], why, strict, 'bot')).status === 200)
  })

  it('may wait for an approval: then it runs by itself, and its session has the outcome', async () => {
    const wish = { timeoutSeconds: 20, cwd: '$TARGET/www' }
    const response = await ask(sh('echo approved; cat hello.txt; exit 5'), wish, strict, 'eve')
    assert.equal(response.status, 202)
    const session = (await response.json()) as Session
    assert.equal(session.state, 'pending-approval')
    assert.equal(session.run, true)
    assert.equal(session.cwd, '$TARGET/www')
    assert.equal(session.approval?.plan.maxDurationSeconds, 20)
    await strict.api('POST', `/sessions/${session.id}/decision`, { decision: 'approve' }, 'lea')
    const ended = await eventually(async () => {
      const now = await strict.api<Session>('GET', `/sessions/${session.id}`, undefined, 'eve')
      return now.state === 'ended' && now.recording.state === 'sealed' && now
    })
    assert.deepEqual(ended.end, { reason: 'exit', code: 'exited', exitCode: 5 })
    assert.equal((await recorded(session, strict)).toString(), 'approved\r\nhello from the target\r\n')
  })
})

describe('a run whose gateway goes', () => {
  it('is told so by SIGTERM, and its container goes', async () => {
    const own = await TestGateway.start()
    try {
      const running = run(sh('echo begun; sleep 600'), { timeoutSeconds: 600 }, own)
      await going(own)
      await own.down('SIGTERM')
      const done = await running
      assert.equal(done.end.reason, 'shutdown')
      assert.equal(done.stdout, 'begun\n')
      assert.deepEqual(await remains(done), [])
      await own.up()
      assert.equal((await sessionOf(done, own)).recording.state, 'sealed')
    } finally {
      await own.stop()
    }
  })

  it('by SIGKILL is lost: the next gateway ends it and seals what was recorded', async () => {
    const own = await TestGateway.start()
    try {
      const running = run(sh('echo begun; sleep 600'), { timeoutSeconds: 600 }, own)
      const session = await going(own)
      await eventually(async () => (await recorded(session, own)).toString() === 'begun\r\n')
      await Promise.all([assert.rejects(running), own.down('SIGKILL')])
      await own.up()
      const ended = await eventually(async () => {
        const now = await sessionOf(session, own)
        return now.recording.state === 'sealed' && now
      })
      assert.equal(ended.end?.reason, 'lost')
      assert.equal((await recorded(session, own)).toString(), 'begun\r\n')
      await gone(session)
    } finally {
      await own.stop()
    }
  })
})

describe('a run that can no longer be recorded', () => {
  it('is ended, and answers with nothing that is not recorded', async () => {
    const own = await TestGateway.start({ fileLimitKiB: 512 })
    try {
      const done = await run(['seq', '1', '2000000'], {}, own)
      assert.equal(done.end.reason, 'recording-failed')
      assert.equal(done.exitCode, undefined)
      const bytes = await recorded(done, own)
      const answered = Buffer.from(shown(done.stdout))
      assert.ok(answered.length > 100_000, 'it got as far as the limit')
      assert.ok(bytes.subarray(0, answered.length).equals(answered))
      await gone(done)
    } finally {
      await own.stop()
    }
  })
})
