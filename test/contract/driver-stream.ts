import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { type DriverGround, DriverUser } from './driver-ground.ts'

const megabyte = 1024 * 1024

/** Bytes both ways: none lost, none doubled, none changed, and never more in memory than a buffer's worth. */
export function streamContract(start: () => Promise<DriverGround>): void {
  describe('stream', () => {
    let user: DriverUser
    before(async () => {
      user = new DriverUser(await start())
      await user.start()
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    it('delivers 5 MB of output as it was written', async () => {
      const lines = 800_000
      const { shell } = await user.open()
      shell.type(`stty -onlcr; printf '<%s>' begin; seq 1 ${lines}; printf '<%s>' end; stty onlcr\n`)
      await shell.until('<begin>')
      const got = await shell.until('<end>', 60_000)
      const expected = Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join('')
      assert.ok(expected.length > 5 * megabyte)
      assert.equal(got.length, expected.length)
      assert.equal(firstDifference(got, expected), -1, 'the first byte that differs')
    })

    it('passes each of the 256 byte values to the user', async () => {
      const { shell } = await user.open()
      // busybox's shell takes no line of more than 1024 bytes, so the bytes are made there.
      const bytes = `i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done`
      shell.type(`stty raw -echo; printf '<%s>' begin; ${bytes}; printf '<%s>' end; stty sane\n`)
      const [, got = ''] = await shell.expect(/<begin>([\s\S]*)<end>/)
      assert.deepEqual(
        [...Buffer.from(got, 'latin1')],
        Array.from({ length: 256 }, (_, byte) => byte),
      )
    })

    it('passes each of the 256 byte values to the program', async () => {
      const { shell } = await user.open()
      await typeRaw(shell, 257, 'od -An -v -tx1')
      // A driver may hold back a byte that no UTF-8 text has, 0xff, until the next one comes.
      shell.type(Buffer.from([...Array.from({ length: 256 }, (_, byte) => byte), 0]))
      const [, got = ''] = await shell.expect(/<begin>([\s\S]*)<end>/)
      const expected = Array.from({ length: 257 }, (_, index) => (index % 256).toString(16).padStart(2, '0'))
      assert.deepEqual(got.trim().split(/\s+/), expected)
    })

    it('passes on half a character when half was written', async () => {
      const { shell } = await user.open()
      const smile = Buffer.from('😀')
      shell.type(`printf '<%s>\\360\\237' half; read -r go; printf '\\230\\200<%s>' whole\n`)
      const [, first = ''] = await shell.expect(/<half>([\s\S]{2})/)
      assert.deepEqual(Buffer.from(first, 'latin1'), smile.subarray(0, 2))
      shell.type('\n')
      await shell.expect(new RegExp(`${smile.subarray(2).toString('latin1')}<whole>`))
    })

    it('passes on half a character when half was typed', async () => {
      const { shell } = await user.open()
      await typeRaw(shell, 4, 'od -An -v -tx1')
      for (const byte of Buffer.from('😀')) shell.type(Buffer.of(byte))
      await shell.expect(/<begin>\s*f0 9f 98 80\s*<end>/)
    })

    it('stops the program while nobody reads, and goes on afterwards', async () => {
      const { shell, terminal } = await user.open()
      const { shell: watcher } = await user.open()
      // In big writes: a cluster passes on little ones so slowly that its buffers take a minute to fill.
      shell.type(`sh -c 'echo "<$$>"; exec tr "\\0" y </dev/zero'\n`)
      const [, writer = ''] = await shell.expect(/<(\d+)>\s+y{5}/)
      const memory = process.memoryUsage.rss()
      const before = await written(watcher, writer)
      terminal.io.pause()
      let last = before
      await eventually(
        async () => {
          const now = await written(watcher, writer)
          const stalled = now === last
          last = now
          return stalled
        },
        { what: 'the program to stop writing', timeoutMs: 180_000 },
      )
      assert.ok(last - before < user.ground.onTheWay, `${last - before} bytes were written into the pause`)
      assert.ok(terminal.io.unreadBytes < megabyte, `${terminal.io.unreadBytes} bytes were taken in`)
      assert.ok(process.memoryUsage.rss() - memory < 64 * megabyte, 'memory stays bounded')
      const shown = shell.output.length
      terminal.io.resume()
      const isOn = async () => (await written(watcher, writer)) > last + megabyte
      await eventually(isOn, { what: 'the program to go on', timeoutMs: 60_000 })
      assert.ok(shell.output.length > shown)
      shell.type('\x03')
      assert.equal(await shell.run('echo alive', 30_000), 'alive')
    })

    it('gets Ctrl-C through to a program that floods the terminal', async () => {
      const { shell } = await user.open()
      shell.type('yes\n')
      await eventually(() => shell.output.length > megabyte, { what: 'a megabyte of output' })
      shell.type('\x03')
      assert.equal(await shell.run('echo alive'), 'alive')
    })

    it('lets Ctrl-P through at once, and Ctrl-P Ctrl-Q does not detach', async () => {
      const { shell } = await user.open()
      await typeRaw(shell, 1, 'od -An -v -tx1')
      shell.type('\x10')
      await shell.expect(/<begin>\s*10\s*<end>/)
      await typeRaw(shell, 2, 'od -An -v -tx1')
      shell.type('\x10\x11')
      await shell.expect(/<begin>\s*10 11\s*<end>/)
      assert.equal(await shell.run('echo still here'), 'still here')
    })

    it('lets every other control character through, also doubled', async () => {
      const { shell } = await user.open()
      const controls = Buffer.from(Array.from({ length: 64 }, (_, index) => index >> 1))
      await typeRaw(shell, 64, 'od -An -v -tx1')
      shell.type(controls)
      const [, got = ''] = await shell.expect(/<begin>([\s\S]*)<end>/)
      assert.equal(got.trim().split(/\s+/).join(''), controls.toString('hex'))
    })

    it('takes a paste of 1 MB whole', async () => {
      const { shell } = await user.open()
      const paste = Buffer.alloc(megabyte, 'The quick brown fox jumps over the lazy dog.\n')
      await typeRaw(shell, paste.length, 'md5sum')
      await shell.paste(paste)
      const [, sum] = await shell.expect(/<begin>([0-9a-f]{32})/, 60_000)
      assert.equal(sum, createHash('md5').update(paste).digest('hex'))
    })
  })
}

/** Starts a program on the next `count` bytes typed, uninterpreted; returns when it is ready for them. */
async function typeRaw(
  shell: Awaited<ReturnType<DriverUser['open']>>['shell'],
  count: number,
  program: string,
) {
  shell.type(
    `stty raw -echo; printf '<%s>' go; head -c ${count} | { printf '<%s>' begin; ${program}; printf '<%s>' end; }; stty sane\n`,
  )
  await shell.expect(/<go>/)
}

/** What the process has written so far. */
async function written(
  watcher: Awaited<ReturnType<DriverUser['open']>>['shell'],
  pid: string,
): Promise<number> {
  return Number(await watcher.run(`sed -n 's/^wchar: //p' /proc/${pid}/io`))
}

function firstDifference(one: string, other: string): number {
  if (one === other) return -1
  let at = 0
  while (one[at] === other[at]) at++
  return at
}
