import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { toAsciicastV2 } from '../../server/evidence/convert.ts'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { headerOf } from './recorder-session.ts'

const run = promisify(execFile)
const output = ['$ ls\r\n', '\u001b[32mgröße ✓\u001b[0m\r\n', '$ exit\r\n']

// asciinema before 3 reads version 2 only; it plays to a terminal, which script(1) provides.
describe("asciinema's command line", () => {
  let directory: string
  let file: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-playback-'))
    file = join(directory, 'session.cast')
    const recordings = new DirectoryRecordings({
      liveDir: join(directory, 'live'),
      blobs: new DirectoryBlobs(join(directory, 'blobs')),
    })
    const recorder = await recordings.start(headerOf('s1'))
    recorder.output(Buffer.from(output[0] ?? ''))
    recorder.resize({ cols: 100, rows: 30 })
    recorder.marker('here')
    recorder.output(Buffer.from(output[1] ?? ''))
    recorder.output(Buffer.from([0xff]))
    recorder.output(Buffer.from(output[2] ?? ''))
    const summary = await recorder.finish({ reason: 'idle' })
    const converted = toAsciicastV2(await recordings.read('s1', summary))
    await pipeline(converted, createWriteStream(file))
  })
  after(() => rm(directory, { recursive: true }))

  const expected = `${output[0]}${output[1]}\uFFFD${output[2]}`
  for (const command of ['cat', 'play -i 0.1']) {
    it(`shows the same with ${command}`, async () => {
      const asciinema = `stty -opost; LC_ALL=C.UTF-8 asciinema ${command} ${file}`
      const { stdout } = await run('script', ['-qec', asciinema, '/dev/null'], { timeout: 30_000 })
      assert.ok(stdout.includes(expected), JSON.stringify(stdout))
    })
  }
})
