import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import { DiskReserve } from '../../server/evidence/disk-reserve.ts'
import { DiskSpace } from '../../server/evidence/disk-space.ts'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { headerOf } from '../contract/recorder-session.ts'

const mib = 1024 ** 2

/** A disk of the test's, with as much room as it says. */
function disk(size: number, free: number) {
  const state = { free, looks: 0 }
  const room = () => {
    state.looks++
    return { bavail: state.free, blocks: size, bsize: 1 }
  }
  const look = { now: room, soon: async () => room() }
  const space = new DiskSpace({ liveDir: '/live', others: [], minFree: 256 * mib, look })
  return { state, space }
}

class Writer {
  refused: HatchwayError | undefined
  refuse(cause: HatchwayError): void {
    this.refused = cause
  }
}

const isFull = (cause: unknown) => cause instanceof HatchwayError && cause.code === 'storage_full'

describe('the room on the disk', () => {
  it('begins nothing new where there is too little, and says where and how much', async () => {
    const { state, space } = disk(100_000 * mib, 300 * mib)
    await space.measure()
    space.check()
    state.free = 100 * mib
    await space.measure()
    assert.throws(() => space.check(), isFull)
    assert.throws(() => space.check(), /\/live has 100 MiB free, and 256 MiB are kept/)
    state.free = 300 * mib
    await space.measure()
    space.check()
  })

  it('keeps a tenth of a small disk', async () => {
    const { space } = disk(24 * mib, 3 * mib)
    await space.measure()
    space.check()
  })

  it('stops whoever wrote the most, amid its flood, and nobody else', async () => {
    const { state, space } = disk(100_000 * mib, 400 * mib)
    const [flood, busy, idle] = [new Writer(), new Writer(), new Writer()]
    for (const writer of [flood, busy, idle]) space.add(writer)
    await space.measure()
    const { looks } = state
    for (let written = 0; written < 200 && flood.refused === undefined; written++) {
      state.free -= 2 * mib
      space.wrote(flood, 2 * mib - 1000)
      space.wrote(busy, 900)
      space.wrote(idle, 100)
    }
    assert.ok(isFull(flood.refused))
    assert.ok(state.free > 240 * mib, 'it was stopped as soon as the room was short')
    assert.ok(state.looks - looks < 5, 'the disk is looked at only when room is short')
    // Room is still short, and nobody else writes much.
    await space.measure()
    for (let n = 0; n < 100; n++) space.wrote(busy, 10_000)
    assert.deepEqual([busy.refused, idle.refused], [undefined, undefined])
  })

  it('ends the recording that fills it: nothing more is written of it', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'hatchway-flood-'))
    t.after(() => rm(directory, { recursive: true }))
    const { state, space } = disk(80 * mib, 10 * mib)
    await space.measure()
    const blobs = new DirectoryBlobs(join(directory, 'blobs'))
    const recordings = new DirectoryRecordings({ liveDir: join(directory, 'live'), blobs, space })
    const recorder = await recordings.start(headerOf('s1'))
    const told = new Promise((resolve) => recorder.onFailure(resolve))
    const flood = () => {
      for (let n = 0; n < 40; n++) {
        state.free -= mib / 4
        recorder.output(Buffer.alloc(mib / 4, 'x'))
      }
    }
    assert.throws(flood, isFull)
    assert.ok(isFull(await told))
    await recorder.suspend()
  })

  it('gives its reserve up, once, and takes it again when there is room', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'hatchway-reserve-'))
    t.after(() => rm(directory, { recursive: true }))
    const path = join(directory, 'reserve')
    const reserve = new DiskReserve(path, mib)
    assert.equal(await reserve.release(), false)
    assert.equal(await reserve.fill(), true)
    assert.equal((await stat(path)).size, mib)
    assert.equal(await reserve.fill(), false)
    assert.deepEqual(await Promise.all([reserve.release(), reserve.release()]), [true, false])
    // A crash amid filling leaves a part of it.
    await writeFile(path, 'part')
    assert.equal(await reserve.fill(), true)
    assert.equal((await stat(path)).size, mib)
  })
})
