import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { flow } from '../../server/protocol/terminal.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages } from '../support/images.ts'

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

async function residentMiB(): Promise<number> {
  const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

describe('flow control', () => {
  it('stops reading the container for a controller that does not acknowledge, and goes on when it does', async () => {
    const { terminal } = await gateway.open(ref(), { terminal: { acknowledge: false } })
    terminal.type('head -c 8000000 /dev/zero | tr "\\0" x; echo; echo done\n')
    await terminal.reach(flow.highWater)
    // Nothing tells that no more comes; a steady count over several looks does.
    let last = -1
    await eventually(() => {
      const steady = terminal.offset === last
      last = terminal.offset
      return steady
    })
    assert.ok(terminal.offset < flow.highWater + 1024 * 1024, `${terminal.offset} bytes came unacknowledged`)
    const beat = setInterval(() => terminal.send({ type: 'ack', offset: terminal.offset }), 5)
    await terminal.expect(/\ndone\r\n/, 30_000)
    clearInterval(beat)
  })

  it('is not slowed by an observer that reads nothing, who then gets the screen', async () => {
    const { session, terminal } = await gateway.open(ref())
    const slow = await gateway.connect(session.id, { who: 'bob', role: 'observer', acknowledge: false })
    await terminal.run('seq 1 600000 | tail -c 4000000', 30_000)
    assert.ok(slow.offset < terminal.offset)
    slow.send({ type: 'ack', offset: slow.offset })
    await slow.message('reset')
    await terminal.run('echo both of us see this')
    await slow.expect(/both of us see this/)
  })

  it('gives the prompt back after Ctrl-C in a flood', async () => {
    const { terminal } = await gateway.open(ref(), { terminal: { tail: true } })
    terminal.type('yes\n')
    await terminal.reach(terminal.offset + 3_000_000, 30_000)
    terminal.type('\u0003')
    await terminal.expect(/\^C\r\n[^\r\n]*[#$] /)
    assert.equal(await terminal.run('echo alive'), 'alive')
  })

  it('keeps memory bounded during a flood', async () => {
    const { terminal } = await gateway.open(ref(), { terminal: { tail: true } })
    const before = await residentMiB()
    terminal.type(`yes ${'y'.repeat(99)} | head -c 30000000\n`)
    await terminal.reach(30_000_000, 120_000)
    assert.ok((await residentMiB()) - before < 100, `${before} MiB before, ${await residentMiB()} MiB after`)
  })

  it('takes a paste of 1 MB whole', async () => {
    const { terminal } = await gateway.open(ref())
    await terminal.run('stty raw -echo; printf go')
    const line = `${'x'.repeat(99)}\n`
    terminal.type(`head -c 1000000 | md5sum\r`)
    for (let sent = 0; sent < 1_000_000; sent += 50_000) terminal.type(line.repeat(500))
    const sum = createHash('md5').update(line.repeat(10_000)).digest('hex')
    await terminal.expect(new RegExp(sum), 30_000)
  })

  it('passes every control byte, also those of the engine’s detach keys', async () => {
    const { terminal } = await gateway.open(ref())
    await terminal.run('stty raw -echo')
    terminal.type('head -c 256 | md5sum\r')
    const all = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i))
    terminal.type(all)
    await terminal.expect(new RegExp(createHash('md5').update(all).digest('hex')))
    terminal.type('printf "<%s>" $(head -c 2 | od -An -tx1)\r')
    terminal.type(Buffer.from([0x10, 0x11]))
    await terminal.expect(/<10><11>/)
  })
})
