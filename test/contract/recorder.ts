import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { Recordings } from '../../server/core/recording.ts'
import { markersOf, outputOf } from '../support/recordings.ts'
import { headerOf } from './recorder-session.ts'

export interface RecorderGround {
  recordings: Recordings
  /** The same place, as the next process opens it. */
  reopen(): Recordings
  remove(): Promise<void>
}

export const failsWith = (code: string) => (cause: unknown) =>
  cause instanceof HatchwayError && cause.code === code

// Text, text of several bytes, a byte order mark, controls, quotes, and bytes that no text holds.
const chunks = [
  Buffer.from('$ ls\r\n'),
  Buffer.from('größe ✓ 🦔 \u2028\r\n'),
  Buffer.from('\uFEFFmark'),
  Buffer.from('"\\\u0000\u0007\u001b[31mred\u001b[0m\u007f'),
  Buffer.from([0xff, 0xfe, 0x41, 0xc3, 0x0a, 0x80]),
  randomBytes(64 * 1024),
  Buffer.from('# hatchway-bytes AAAA\r\n'),
]

/** What every implementation of `Recordings` promises. */
export function recorderContract(name: string, start: () => Promise<RecorderGround>): void {
  describe(`recordings: ${name}`, () => {
    let ground: RecorderGround
    beforeEach(async () => {
      ground = await start()
    })
    afterEach(() => ground.remove())

    it('gives back every byte of output, live and sealed', async () => {
      const { recordings } = ground
      const recorder = await recordings.start(headerOf('s1'))
      for (const chunk of chunks) recorder.output(chunk)
      const expected = Buffer.concat(chunks)
      assert.equal(recorder.offset, expected.length)
      const live = await buffer(await recordings.read('s1', undefined))
      assert.deepEqual(outputOf(live.toString()), expected)
      const summary = await recorder.finish({ reason: 'exit', exitCode: 3 })
      const sealed = await buffer(await recordings.read('s1', summary))
      assert.deepEqual(outputOf(sealed.toString()), expected)
      assert.deepEqual(sealed.subarray(0, live.length), live)
      assert.equal(summary.outputBytes, expected.length)
      assert.equal(summary.bytes, sealed.length)
    })

    it('has output in the recording when output() returns', async () => {
      const recorder = await ground.recordings.start(headerOf('s1'))
      recorder.output(Buffer.from('seen'))
      const live = await buffer(await ground.reopen().read('s1', undefined))
      assert.equal(outputOf(live.toString()).toString(), 'seen')
      await recorder.suspend()
    })

    it('takes a view into a larger buffer for what it is', async () => {
      const recorder = await ground.recordings.start(headerOf('s1'))
      recorder.output(new Uint8Array(Buffer.from('abcdef')).subarray(2, 4))
      recorder.output(new Uint8Array())
      assert.equal(recorder.offset, 2)
      const live = await buffer(await ground.recordings.read('s1', undefined))
      assert.equal(outputOf(live.toString()).toString(), 'cd')
      await recorder.suspend()
    })

    it('writes an asciicast v3 that names the session', async () => {
      const recorder = await ground.recordings.start(headerOf('s1'))
      recorder.input(Buffer.from('x'))
      recorder.resize({ cols: 100, rows: 30 })
      recorder.marker('adopted')
      const summary = await recorder.finish({
        reason: 'terminated',
        by: { subject: 'g', name: 'grace' },
        detail: 'lunch',
      })
      const text = (await buffer(await ground.recordings.read('s1', summary))).toString()
      const [first = '', ...lines] = text.trimEnd().split('\n')
      assert.deepEqual(JSON.parse(first), {
        version: 3,
        term: { cols: 80, rows: 24, type: 'xterm-256color' },
        timestamp: 1770091506,
        title: 'local/web-1',
        command: '/bin/sh',
        env: { TERM: 'xterm-256color' },
        hatchway: { user: 'ada', rule: 'on-call', session: 's1', startedAt: '2026-02-03T04:05:06.789Z' },
      })
      const events = lines.map((line) => (JSON.parse(line) as unknown[]).slice(1))
      assert.deepEqual(events, [
        ['i', 'x'],
        ['r', '100x30'],
        ['m', 'adopted'],
        ['m', 'ended: terminated by grace (g): lunch'],
        ['x', '1'],
      ])
    })

    it('adds no marker to a plain exit', async () => {
      const recorder = await ground.recordings.start(headerOf('s1'))
      const summary = await recorder.finish({ reason: 'exit', exitCode: 0 })
      const text = (await buffer(await ground.recordings.read('s1', summary))).toString()
      assert.deepEqual(markersOf(text), [])
      assert.match(text, /, "x", "0"\]\n$/)
    })

    it('refuses to add anything after the end', async () => {
      const recorder = await ground.recordings.start(headerOf('s1'))
      await recorder.finish({ reason: 'exit', exitCode: 0 })
      assert.throws(() => recorder.output(Buffer.from('late')), failsWith('recording_failed'))
      assert.throws(() => recorder.marker('late'), failsWith('recording_failed'))
    })

    it('gives the same summary to whoever finishes it again', async () => {
      const recorder = await ground.recordings.start(headerOf('s1'))
      const [first, second] = await Promise.all([
        recorder.finish({ reason: 'idle' }),
        recorder.finish({ reason: 'lost' }),
      ])
      assert.deepEqual(first, second)
      assert.deepEqual(await recorder.finish({ reason: 'lost' }), first)
    })

    it('goes on in the next process where the last one stopped', async () => {
      const before = await ground.recordings.start(headerOf('s1'))
      for (const chunk of chunks) before.output(chunk)
      before.resize({ cols: 120, rows: 40 })
      await before.suspend()
      const recordings = ground.reopen()
      assert.deepEqual(await recordings.listLive(), ['s1'])
      const resumed = await recordings.resume('s1')
      const { recorder, tail, size } = resumed
      const expected = Buffer.concat(chunks)
      assert.equal(recorder.offset, expected.length)
      assert.deepEqual(Buffer.from(tail), expected)
      assert.deepEqual(size, { cols: 120, rows: 40 })
      assert.deepEqual(await buffer(resumed.replay()), expected)
      recorder.output(Buffer.from('more'))
      const summary = await recorder.finish({ reason: 'exit', exitCode: 0 })
      assert.equal(summary.outputBytes, expected.length + 4)
      const sealed = await buffer(await recordings.read('s1', summary))
      assert.deepEqual(outputOf(sealed.toString()), Buffer.concat([expected, Buffer.from('more')]))
    })

    it('keeps the last MiB for the screen, however long the recording is', async () => {
      const before = await ground.recordings.start(headerOf('s1'))
      const long = randomBytes(3 * 1024 * 1024).toString('base64')
      for (let at = 0; at < long.length; at += 50_000) before.output(Buffer.from(long.slice(at, at + 50_000)))
      await before.suspend()
      const { recorder, tail } = await ground.reopen().resume('s1')
      assert.equal(Buffer.from(tail).toString(), long.slice(-1024 * 1024))
      assert.equal(recorder.offset, long.length)
      await recorder.suspend()
    })

    it('replays only what was there before it was resumed', async () => {
      const before = await ground.recordings.start(headerOf('s1'))
      before.output(Buffer.from('before'))
      await before.suspend()
      const resumed = await ground.reopen().resume('s1')
      const { recorder } = resumed
      recorder.output(Buffer.from('after'))
      assert.equal((await buffer(resumed.replay())).toString(), 'before')
      await recorder.suspend()
    })

    it('lists what is live', async () => {
      const { recordings } = ground
      assert.deepEqual(await recordings.listLive(), [])
      const recorder = await recordings.start(headerOf('s1'))
      assert.deepEqual(await recordings.listLive(), ['s1'])
      await recorder.suspend()
    })

    it('refuses a second recording of the same session', async () => {
      const recorder = await ground.recordings.start(headerOf('s1'))
      await assert.rejects(ground.recordings.start(headerOf('s1')), failsWith('recording_failed'))
      recorder.output(Buffer.from('unharmed'))
      await recorder.suspend()
    })

    it('says so when there is no recording', async () => {
      const { recordings } = ground
      for (const id of ['s2', '../s2', '']) {
        await assert.rejects(recordings.resume(id), failsWith('recording_not_found'))
        await assert.rejects(recordings.read(id, undefined), failsWith('recording_not_found'))
      }
      const gone = {
        key: 'recordings/2026/01/s2.cast.gz',
        sha256: '',
        bytes: 0,
        outputBytes: 0,
        durationMs: 0,
      }
      await assert.rejects(recordings.read('s2', gone), failsWith('recording_not_found'))
    })
  })
}
