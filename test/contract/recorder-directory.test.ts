import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFile,
  copyFile,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { promisify } from 'node:util'
import { endOf } from '../../server/core/session-end.ts'
import { FlushSchedule } from '../../server/evidence/flush-schedule.ts'
import { LiveRecording } from '../../server/evidence/live-recording.ts'
import { RecordingClock, systemClock } from '../../server/evidence/recording-clock.ts'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import { verifyRecording } from '../../server/evidence/verify.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { markersOf, outputOf } from '../support/recordings.ts'
import { within } from '../support/within.ts'
import { chunkAt, headerOf } from './recorder-session.ts'
import { failsWith, recorderContract } from './recorder.ts'

const run = promisify(execFile)
const programOf = (name: string) => join(import.meta.dirname, name)

const options = (directory: string) => ({
  liveDir: join(directory, 'live'),
  blobs: new DirectoryBlobs(join(directory, 'blobs')),
})

function recordingsIn(directory: string, clock = systemClock): DirectoryRecordings {
  return new DirectoryRecordings({ ...options(directory), clock })
}

recorderContract('a directory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-recorder-'))
  return {
    recordings: recordingsIn(directory),
    reopen: () => recordingsIn(directory),
    remove: () => rm(directory, { recursive: true }),
  }
})

describe('recordings in a directory', () => {
  let directory: string
  let recordings: DirectoryRecordings
  const live = (name: string) => join(directory, 'live', name)
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-recorder-'))
    recordings = recordingsIn(directory)
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('loses nothing that output() returned for when the process is killed', async () => {
    for (let round = 0; round < 5; round++) {
      const sessionId = `killed-${round}`
      const args = [programOf('recorder-writer.ts'), directory, sessionId, 'write']
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (data: string) => {
        said += data
        if (said.length > 2000 * (round + 1)) child.kill('SIGKILL')
      })
      const [, signal] = (await within(once(child, 'close'), 'the writer to die')) as [null, string]
      assert.equal(signal, 'SIGKILL')
      const acknowledged = Number(said.split('\n').at(-2))
      const resumed = await recordings.resume(sessionId)
      const { recorder } = resumed
      assert.ok(recorder.offset >= acknowledged, `${recorder.offset} of ${acknowledged} bytes`)
      const chunks: Buffer[] = await Readable.from(resumed.replay()).toArray()
      assert.deepEqual(
        Buffer.concat(chunks),
        Buffer.concat(Array.from({ length: chunks.length }, (_, i) => chunkAt(i))),
      )
      await recorder.suspend()
    }
  })

  it('seals again after a crash between storing and removing', async () => {
    const child = spawn(process.execPath, [programOf('recorder-writer.ts'), directory, 'half', 'seal'])
    const [, signal] = (await within(once(child, 'close'), 'the writer to die')) as [null, string]
    assert.equal(signal, 'SIGKILL')
    assert.deepEqual(await readdir(join(directory, 'blobs/recordings/2026/02')), ['half.cast.gz'])
    assert.deepEqual(await recordings.listLive(), ['half'])
    const { recorder } = await recordings.resume('half')
    const summary = await recorder.finish({ reason: 'lost' })
    const asciicast = await text(await recordings.read('half', summary))
    assert.equal(asciicast.match(/"x", /g)?.length, 1)
    assert.match(asciicast, /ended: idle/)
    assert.deepEqual(outputOf(asciicast), chunkAt(0))
    const { whole, unaltered } = await verifyRecording(
      await recordings.read('half', summary),
      'half',
      summary,
    )
    assert.deepEqual({ whole, unaltered }, { whole: true, unaltered: true })
    assert.deepEqual(await readdir(join(directory, 'live')), ['half.sealed'])
  })

  it('gives the summary again to the next process, for as long as the row may not hold it', async () => {
    const recorder = await recordings.start(headerOf('s1'))
    recorder.output(Buffer.from('all'))
    const summary = await recorder.finish({ reason: 'idle' })
    await recordings.noteEnd('s1', { end: endOf('idle'), endedAt: new Date(5000) })

    const next = recordingsIn(directory)
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
    try {
      mock.timers.tick(24 * 60 * 60_000)
      assert.deepEqual(await next.listLive(), ['s1'])
      const resumed = await next.resume('s1')
      assert.equal(resumed.recorder.offset, 3)
      assert.equal(resumed.ended, true)
      assert.throws(() => resumed.recorder.output(Buffer.from('late')), failsWith('recording_failed'))
      assert.deepEqual(await resumed.recorder.finish({ reason: 'lost' }), summary)
      assert.equal(await text(await next.read('s1', undefined)), await text(await next.read('s1', summary)))
      assert.deepEqual(await next.notedEnd('s1'), { end: endOf('idle'), endedAt: new Date(5000) })
    } finally {
      mock.timers.reset()
    }
    await next.settled('s1')
    assert.deepEqual(await readdir(join(directory, 'live')), [])
    assert.equal(await next.notedEnd('s1'), undefined)
  })

  it('finds a sealed recording that neither a row nor a note names', async () => {
    const recorder = await recordings.start(headerOf('s1'))
    for (const bytes of ['all', 'of it']) recorder.output(Buffer.from(bytes))
    const summary = await recorder.finish({ reason: 'idle' })
    await recordings.settled('s1')
    const { startedAt } = headerOf('s1')
    assert.deepEqual(await recordings.findSealed('s1', startedAt), summary)
    assert.equal(await recordings.findSealed('s2', startedAt), undefined)
    // A blob under the session's key that holds another's recording is none of its.
    await copyFile(
      join(directory, 'blobs', summary.key),
      join(directory, 'blobs', summary.key.replace('s1', 's2')),
    )
    assert.equal(await recordings.findSealed('s2', startedAt), undefined)
  })

  it('cuts a torn last line, and a comment whose event was lost', async () => {
    const recorder = await recordings.start(headerOf('s1'))
    recorder.output(Buffer.from('kept'))
    await recorder.suspend()
    const whole = await readFile(live('s1.cast'), 'utf8')
    for (const torn of [
      '[0.1, "o", "to',
      '# hatchway-bytes /w==\n',
      '# hatchway-bytes /w==\n[0.1,',
      '\0\0\0\n',
    ]) {
      await appendFile(live('s1.cast'), torn)
      const resumed = await recordings.resume('s1')
      assert.equal(resumed.recorder.offset, 4)
      await resumed.recorder.suspend()
      assert.equal(await readFile(live('s1.cast'), 'utf8'), whole)
    }
  })

  it('shows only whole lines of a live recording', async () => {
    const recorder = await recordings.start(headerOf('s1'))
    recorder.output(Buffer.from('kept'))
    const whole = await readFile(live('s1.cast'), 'utf8')
    await appendFile(live('s1.cast'), `[0.1, "o", "${'x'.repeat(200_000)}`)
    assert.equal(await text(await recordings.read('s1', undefined)), whole)
    await recorder.suspend()
  })

  it('sets a file without a readable header aside', async () => {
    await writeFile(live('s1.cast'), '{"version":').catch(async () => {
      await (await recordings.start(headerOf('other'))).suspend()
      await writeFile(live('s1.cast'), '{"version":')
    })
    await assert.rejects(recordings.resume('s1'), failsWith('recording_not_found'))
    assert.deepEqual(await recordings.listLive(), ['other'])
    assert.equal(await readFile(live('s1.cast.damaged'), 'utf8'), '{"version":')
  })

  it('keeps its files to itself', async () => {
    const recorder = await recordings.start(headerOf('s1'))
    const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
    assert.equal(await modeOf(live('s1.cast')), '600')
    assert.equal(await modeOf(live('')), '700')
    const { key } = await recorder.finish({ reason: 'idle' })
    assert.equal(await modeOf(join(directory, 'blobs', key)), '600')
    assert.equal(await modeOf(join(directory, 'blobs')), '700')
    assert.equal(key, 'recordings/2026/02/s1.cast.gz')
  })

  it('bridges the gap between two processes by the wall clock', async () => {
    let now = headerOf('s1').startedAt.getTime()
    let monotonic = 5000
    const clock = { now: () => now, monotonic: () => monotonic }
    const first = await recordingsIn(directory, clock).start(headerOf('s1'))
    monotonic += 1500
    first.output(Buffer.from('a'))
    await first.suspend()
    now += 61_500
    monotonic = 0
    const { recorder, lastEventAt } = await recordingsIn(directory, clock).resume('s1')
    assert.equal(lastEventAt.getTime(), headerOf('s1').startedAt.getTime() + 1500)
    monotonic += 250
    recorder.output(Buffer.from('b'))
    const summary = await recorder.finish({ reason: 'exit', exitCode: 0 })
    assert.equal(summary.durationMs, 61_750)
    const lines = (await text(await recordings.read('s1', summary))).split('\n').slice(1, 3)
    assert.deepEqual(lines, ['[1.500000, "o", "a"]', '[60.250000, "o", "b"]'])
  })

  it('makes a full disk an error, with everything before it intact', async () => {
    const program = programOf('recorder-full-disk.ts')
    const room = join(directory, 'room')
    const inOwnMounts = ['-rm', 'sh', '-c']
    const mount = `mkdir ${room} && mount -t tmpfs -o size=1m none ${room}`
    const canMount = await run('unshare', [...inOwnMounts, mount]).then(
      () => true,
      () => false,
    )
    // Where mounting is not allowed, a limit on the size of files takes the place of the small disk.
    if (canMount) {
      const fill = `mount -t tmpfs -o size=1m none ${room} && head -c 300000 /dev/zero > ${room}/ballast`
      const test = `exec ${process.execPath} ${program} ${room} ${room}/ballast`
      await run('unshare', [...inOwnMounts, `${fill} && ${test}`])
    } else {
      await run('sh', ['-c', `ulimit -f 1000 && exec ${process.execPath} ${program} ${directory}`])
    }
  })

  it('ends at its limit, with everything before it sealed', async () => {
    const limited = new DirectoryRecordings({ ...options(directory), maxBytes: 4096 })
    const recorder = await limited.start(headerOf('s1'))
    let written = 0
    assert.throws(() => {
      for (; written < 100; written++) recorder.output(Buffer.alloc(100, 'x'))
    }, failsWith('recording_too_large'))
    assert.ok(written > 30 && written < 50)
    const summary = await recorder.finish({ reason: 'recording-failed' })
    assert.equal(summary.outputBytes, written * 100)
    const { whole } = await verifyRecording(await limited.read('s1', summary), 's1', summary)
    assert.ok(whole)
  })

  it('marks what best effort could not record, and verification tells of it', async () => {
    const limited = new DirectoryRecordings({ ...options(directory), maxBytes: 4096 })
    const recorder = await limited.start(headerOf('s1'), { bestEffort: true })
    const failures: Error[] = []
    recorder.onFailure((cause) => failures.push(cause))
    for (let n = 0; n < 100; n++) recorder.output(Buffer.alloc(100, 'x'))
    recorder.marker('nor is this')
    assert.equal(failures.length, 1)
    assert.ok(failsWith('recording_too_large')(failures[0]))
    assert.equal(recorder.offset, 10_000)
    const summary = await recorder.finish({ reason: 'exit', exitCode: 0 })
    assert.deepEqual(summary.missing, { holes: 1, bytes: 10_000 - summary.outputBytes })
    const cast = await text(await limited.read('s1', summary))
    assert.deepEqual(markersOf(cast), [
      `${summary.missing?.bytes} bytes of output are missing here: they could not be recorded`,
    ])
    const verified = await verifyRecording(await limited.read('s1', summary), 's1', summary)
    assert.deepEqual([verified.whole, verified.unaltered], [false, true])
    const { detail } = verified.checked.find(({ check }) => check === 'missing') ?? {}
    assert.equal(detail, `${summary.missing?.bytes} bytes that were shown, in 1 holes`)
    await limited.settled('s1')
    assert.deepEqual(await limited.findSealed('s1', headerOf('s1').startedAt), summary)
  })

  it('keeps counting over a hole in the next process', async () => {
    const recorder = await recordings.start(headerOf('s1'), { bestEffort: true })
    recorder.output(Buffer.from('before'))
    await recorder.suspend()
    await appendFile(live('s1.cast'), '# hatchway-missing 1000\n[0.1, "m", "missing"]\n[0.1, "o", "after"]\n')
    const resumed = await recordings.resume('s1', { bestEffort: true })
    assert.equal(resumed.recorder.offset, 1011)
    assert.equal(await text(resumed.replay()), 'beforeafter')
    const summary = await resumed.recorder.finish({ reason: 'idle' })
    assert.deepEqual([summary.outputBytes, summary.missing], [11, { holes: 1, bytes: 1000 }])
  })

  it('notices that its file was removed, replaced or changed by somebody else', async () => {
    const meddlers: Record<string, (path: string) => Promise<unknown>> = {
      removed: (path) => rm(path),
      replaced: (path) => writeFile(live('other'), 'x').then(() => rename(live('other'), path)),
      cut: (path) => truncate(path, 10),
      forged: (path) => appendFile(path, '[0.1, "o", "forged"]\n'),
    }
    const alive = setInterval(() => undefined, 1000)
    for (const [id, meddle] of Object.entries(meddlers)) {
      const recorder = await recordings.start({ ...headerOf('s1'), sessionId: id })
      const failed = new Promise<Error>((resolve) => recorder.onFailure(resolve))
      recorder.output(Buffer.from('evidence'))
      await meddle(live(`${id}.cast`))
      recorder.output(Buffer.from(' and more'))
      const cause = await within(failed, `the failure of what was ${id}`)
      assert.match(cause.message, /by somebody else/)
      assert.throws(() => recorder.output(Buffer.from('late')), failsWith('recording_failed'))
      const summary = await recorder.finish({ reason: 'recording-failed' })
      const { whole, unaltered } = await verifyRecording(await recordings.read(id, summary), id, summary)
      // A file that only lost its name is all there; in one that was changed, verification finds it.
      assert.equal(whole && unaltered, id === 'removed' || id === 'replaced', id)
    }
    clearInterval(alive)
  })

  it('tells once, and refuses to go on, when the flush to the disk fails', async () => {
    // The null device takes every byte and fails to flush them (EINVAL).
    const file = await open('/dev/null', 'a')
    const clock = new RecordingClock(systemClock, 0)
    const seal = () => Promise.reject(new Error('not reached'))
    const { size } = headerOf('s1')
    const start = { sessionId: 's1', file, position: 0, size, clock, offset: 0, exited: false, seal }
    const recorder = new LiveRecording({ ...start, schedule: new FlushSchedule() })
    const failures: Error[] = []
    const failed = new Promise<void>((resolve) =>
      recorder.onFailure((cause) => {
        failures.push(cause)
        resolve()
      }),
    )
    // The schedule does not keep a process alive: something has to.
    const alive = setInterval(() => undefined, 1000)
    try {
      recorder.output(Buffer.from('a'))
      await within(failed, 'the failure', 2000)
      await recorder.flush()
    } finally {
      clearInterval(alive)
    }
    assert.equal(failures.length, 1)
    assert.ok(failsWith('recording_failed')(failures[0]))
    assert.throws(() => recorder.output(Buffer.from('b')), failsWith('recording_failed'))
    await file.close()
  })
})
