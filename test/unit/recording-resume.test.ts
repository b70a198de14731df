import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { readCast } from '../../server/evidence/asciicast.ts'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import { scanRecording } from '../../server/evidence/scan-recording.ts'
import { Turns } from '../../server/evidence/turns.ts'
import { verifyRecording } from '../../server/evidence/verify.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { headerOf } from '../contract/recorder-session.ts'
import { outputOf } from '../support/recordings.ts'

const mib = 1024 * 1024
const checkpoint = /^# hatchway-at .*\n/gm

describe('a recording that is taken up', () => {
  let directory: string
  let path: string
  let monotonic = 0
  const clock = { now: () => Date.now(), monotonic: () => monotonic }
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-resume-'))
    path = join(directory, 'live/s1.cast')
  })
  afterEach(() => rm(directory, { recursive: true }))

  const recordings = () =>
    new DirectoryRecordings({
      liveDir: join(directory, 'live'),
      blobs: new DirectoryBlobs(join(directory, 'blobs')),
      clock,
    })

  /** Compares what is known from the end of the file with what all of it says. */
  async function takeUp(what: string): Promise<void> {
    const whole = await scanRecording(readCast(createReadStream(path)))
    assert.ok(whole)
    const resumed = await recordings().resume('s1')
    assert.equal(resumed.recorder.offset, whole.outputBytes, what)
    assert.equal(
      resumed.lastEventAt.getTime(),
      new Date(whole.startedAt + whole.lastUs / 1000).getTime(),
      what,
    )
    assert.deepEqual(resumed.size, whole.size, what)
    assert.equal(resumed.ended, whole.exited, what)
    assert.ok(whole.tail.equals(resumed.tail), what)
    assert.equal((await stat(path)).size, whole.end, what)
    await resumed.recorder.suspend()
  }

  /** Of any kind of event, for about so many bytes of file; by several processes, over holes. */
  async function record(below: (limit: number) => number, bytes: number): Promise<void> {
    let recorder = await recordings().start(headerOf('s1'))
    const big = 1024 * (2 + below(62))
    for (let written = 0; written < bytes; written = (await stat(path)).size) {
      monotonic += below(1000) / 7
      const kind = below(40)
      const length = 1 + below(big)
      const printed = 'größe ✓\r\n# hatchway-at 1 1 1x1 0 0\n'
      if (kind < 20) recorder.output(Buffer.from(printed.repeat(1 + length / printed.length)))
      else if (kind < 26) recorder.output(randomBytes(length))
      else if (kind < 30) recorder.output(Buffer.alloc(length, '\u001b'))
      else if (kind < 33) recorder.input(randomBytes(20))
      else if (kind < 36) recorder.resize({ cols: 1 + below(500), rows: 1 + below(300) })
      else if (kind < 39) recorder.marker('# hatchway-at 1 1 1x1 0 0\n')
      else {
        await recorder.suspend()
        await appendFile(path, `# hatchway-missing ${1 + below(9999)}\n[0.100000, "m", "missing"]\n`)
        recorder = (await recordings().resume('s1')).recorder
      }
    }
    await recorder.suspend()
  }

  it('is known from its end exactly as from all of it, however that is torn', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const below = random(seed)
      await record(below, 2 * mib + below(3 * mib))
      for (let cut = 0; cut < 3; cut++) {
        const { size } = await stat(path)
        await truncate(path, Math.max(4096, size - below(cut < 2 ? 200 : mib)))
        if (below(2) === 0)
          await appendFile(path, ['\0\0\0\n', '# hatchway-at 1 2', '[0.1, "o", "x'][below(3)] ?? '')
        await takeUp(`seed ${seed}, cut ${cut}`)
      }
      await rm(path)
    }
  })

  it('is known wherever a checkpoint, or what stands around it, is torn', async () => {
    await record(random(7), 4 * mib)
    const whole = await readFile(path)
    const last = whole.lastIndexOf('\n# hatchway-at ')
    const end = whole.indexOf('\n', last + 1)
    for (let at = last - 8; at < end + 20; at += 12) {
      await writeFile(path, whole.subarray(0, at))
      await takeUp(`cut at ${at - last}`)
    }
  })

  it('has checkpoints that say what all before them adds up to', async () => {
    await record(random(10), 4 * mib)
    const file = await readFile(path)
    const found: string[] = []
    const summed: string[] = []
    for (
      let at = file.indexOf('\n# hatchway-at ') + 1;
      at > 0;
      at = file.indexOf('\n# hatchway-at ', at) + 1
    ) {
      found.push(file.toString('utf8', at, file.indexOf('\n', at)))
      const before = await scanRecording(readCast(Readable.from([file.subarray(0, at)])))
      assert.ok(before)
      const { outputBytes, lastUs, size, missing } = before
      summed.push(
        `# hatchway-at ${outputBytes} ${lastUs} ${size.cols}x${size.rows} ${missing.holes} ${missing.bytes}`,
      )
    }
    assert.deepEqual(found, summed)
    assert.ok(found.length >= 3)
    assert.doesNotMatch(found.join(' '), / 0 0$/)
  })

  it('is not read before its last checkpoints', async () => {
    await record(random(8), 9 * mib)
    const { outputBytes = 0 } = (await scanRecording(readCast(createReadStream(path)))) ?? {}
    const file = await open(path, 'r+')
    await file.write(Buffer.alloc(mib, `${'x'.repeat(1023)}\n`), 0, mib, 16 * 1024)
    await file.close()
    const { recorder, size } = await recordings().resume('s1')
    assert.equal(recorder.offset, outputBytes)
    assert.notDeepEqual(size, headerOf('s1').size)
    await recorder.suspend()
  })

  it('is known from its last mebibytes also where nearly all of them are input', async () => {
    const before = await recordings().start(headerOf('s1'))
    const output = randomBytes(mib + 5)
    before.output(output)
    for (let n = 0; n < 60; n++) {
      before.input(Buffer.alloc(160 * 1024, 'x'))
      before.output(Buffer.from('more'))
    }
    await before.suspend()
    const { recorder, tail } = await recordings().resume('s1')
    assert.equal(recorder.offset, output.length + 240)
    assert.ok(tail.length >= 160 && tail.length < mib)
    assert.match(Buffer.from(tail).toString(), /^(?:more)+$/)
    await recorder.suspend()
  })

  it('is read from its beginning when it has no checkpoints, and has them from then on', async () => {
    await record(random(9), 4 * mib)
    const text = await readFile(path, 'utf8')
    assert.ok((text.match(checkpoint) ?? []).length >= 3)
    await writeFile(path, text.replaceAll(checkpoint, ''))
    await takeUp('without checkpoints')
    const { recorder } = await recordings().resume('s1')
    recorder.output(Buffer.from('more'))
    await recorder.suspend()
    assert.equal((await readFile(path, 'utf8')).match(checkpoint)?.length, 1)
    await takeUp('with its first checkpoint')
  })

  it('is whole, and plays to the same bytes', async () => {
    const recorder = await recordings().start(headerOf('s1'))
    const chunks = Array.from({ length: 50 }, () => randomBytes(16 * 1024))
    for (const chunk of chunks) recorder.output(chunk)
    await recorder.suspend()
    const next = recordings()
    const resumed = await next.resume('s1')
    const replayed: Uint8Array[] = []
    for await (const chunk of resumed.replay()) replayed.push(chunk)
    assert.ok(Buffer.concat(replayed).equals(Buffer.concat(chunks)))
    const summary = await resumed.recorder.finish({ reason: 'exit', exitCode: 0 })
    const verified = await verifyRecording(await next.read('s1', summary), 's1', summary)
    assert.deepEqual([verified.whole, verified.unaltered], [true, true], JSON.stringify(verified.checked))
    const cast = Buffer.concat(await (await next.read('s1', summary)).toArray()).toString()
    assert.ok((cast.match(checkpoint) ?? []).length >= 2)
    assert.ok(outputOf(cast).equals(Buffer.concat(chunks)))
  })
})

describe('turns on the event loop', () => {
  it('come one each time around, the smallest first', async () => {
    const turns = new Turns()
    const came: number[] = []
    let around = 0
    const count = () => {
      around++
      if (came.length < 8) setImmediate(count)
    }
    const waiting = [3, 1, 2, 1].map(async (weight) => {
      await turns.next(weight)
      came.push(weight, around)
    })
    count()
    await Promise.all(waiting)
    assert.deepEqual(
      came.filter((_, index) => index % 2 === 0),
      [1, 1, 2, 3],
    )
    assert.equal(new Set(came.filter((_, index) => index % 2 === 1)).size, 4)
  })

  it('end, so that what never waits for anything lets others go on', async () => {
    const others = new AbortController()
    const endless = async function* () {
      for (let n = 0; n < 5_000_000 && !others.signal.aborted; n++) yield n
    }
    let passed = -1
    const reading = (async () => {
      for await (const n of new Turns().pace(endless(), 1)) passed = n
    })()
    setImmediate(() => setImmediate(() => setImmediate(() => others.abort())))
    await reading
    assert.ok(others.signal.aborted && passed > 0)
  })
})

/** From 0 up to and without a limit, the same ones for the same seed. */
function random(seed: number): (limit: number) => number {
  let state = Math.imul(seed, 2_654_435_761)
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}
