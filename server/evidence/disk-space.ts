import { statfsSync, type StatsFs } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { HatchwayError } from '../core/errors.ts'
import type { DiskReserve } from './disk-reserve.ts'

/** Something that writes to the disk and can be told to stop. */
export interface DiskWriter {
  /** Throws nothing: from now on it writes no more, except for its end. */
  refuse(cause: HatchwayError): void
}

export interface DiskSpaceOptions {
  /** Where recordings grow. */
  liveDir: string
  /** Other places that have to have room: database, sealed recordings. Those that do not exist are left out. */
  others: readonly string[]
  /** Bytes that are kept free on each disk; of a small disk a tenth. */
  minFree: number
  reserve?: DiskReserve
  /** What a file system says of itself: injected by tests. */
  look?: { now: (path: string) => Room; soon: (path: string) => Promise<Room> }
}

type Room = Pick<StatsFs, 'bavail' | 'blocks' | 'bsize'>

interface LowDisk {
  path: string
  free: number
  floor: number
}

const measureEveryMs = 1_000
/** Who writes a lot is told by what it wrote within this time. */
const recentMs = 10_000
const systemLook = { now: (path: string) => statfsSync(path), soon: (path: string) => statfs(path) }

/**
 * How much room there is where recordings and rows are written. When it comes to an end, whoever fills the disk ends first, and
 * nothing new is begun, so that everybody else's recordings, and the log, find room.
 */
export class DiskSpace {
  readonly #options: DiskSpaceOptions
  readonly #look: NonNullable<DiskSpaceOptions['look']>
  readonly #writers = new Map<DiskWriter, { bytes: number; since: number }>()
  #timer: NodeJS.Timeout | undefined
  #measuring: Promise<void> = Promise.resolve()
  #stopped = false
  /** Of the disk where recordings grow: counted down by what is written, until it is looked at again. */
  #free = Infinity
  #floor = 0
  #unlooked = 0
  #low: LowDisk | undefined

  constructor(options: DiskSpaceOptions) {
    this.#options = options
    this.#look = options.look ?? systemLook
  }

  /** Looks now, and once a second from now on. Keeps no process alive. */
  async start(): Promise<void> {
    await this.measure()
    this.#timer = setInterval(() => {
      this.#measuring = this.measure()
    }, measureEveryMs).unref()
  }

  /** Resolves when nothing of it writes any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#measuring
    await this.#options.reserve?.settled()
  }

  /** Throws `storage_full` when there was too little room at the last look: nothing new is to be begun. */
  check(): void {
    if (this.#low === undefined) return
    const { path, free, floor } = this.#low
    throw new HatchwayError(
      'storage_full',
      `The disk of ${path} has ${inMiB(free)} free, and ${inMiB(floor)} are kept for what runs. Make room there, or enlarge it; nothing new starts until then.`,
    )
  }

  /** Looks at every disk. Never rejects: a place that can't be looked at has whoever writes there to tell it. */
  async measure(): Promise<void> {
    const { liveDir, others, reserve } = this.#options
    let low: LowDisk | undefined
    for (const path of new Set([liveDir, ...others])) {
      const room = await this.#look.soon(path).catch(() => undefined)
      if (room === undefined) continue
      const { free, floor } = this.#judge(room)
      if (path === liveDir) this.#noteLive(free, floor)
      if (free < floor && low === undefined) low = { path, free, floor }
    }
    this.#low = low
    if (this.#stopped) return
    if (low === undefined) void reserve?.fill()
    else if (low.free < low.floor / 8) await reserve?.release()
    if (this.#free < this.#floor) this.#relieve()
  }

  add(writer: DiskWriter): void {
    this.#writers.set(writer, { bytes: 0, since: 0 })
  }

  remove(writer: DiskWriter): void {
    this.#writers.delete(writer)
  }

  /** Told after each write. Costs a look at the disk only where room is short. */
  wrote(writer: DiskWriter, bytes: number): void {
    const recent = this.#writers.get(writer)
    if (recent === undefined) return
    const now = performance.now()
    if (now - recent.since > recentMs) {
      recent.since = now
      recent.bytes = 0
    }
    recent.bytes += bytes
    this.#free -= bytes
    this.#unlooked += bytes
    if (this.#free >= this.#floor || this.#unlooked < this.#floor / 64) return
    try {
      const { free, floor } = this.#judge(this.#look.now(this.#options.liveDir))
      this.#noteLive(free, floor)
    } catch {
      // Gone, or not to be looked at: the next write tells.
      return
    }
    if (this.#free < this.#floor) this.#relieve()
  }

  #judge({ bavail, blocks, bsize }: Room): { free: number; floor: number } {
    return { free: bavail * bsize, floor: Math.min(this.#options.minFree, (blocks * bsize) / 10) }
  }

  #noteLive(free: number, floor: number): void {
    this.#free = free
    this.#floor = floor
    this.#unlooked = 0
  }

  /** The one that wrote the most of late stops; whoever writes little goes on. */
  #relieve(): void {
    let most: { writer: DiskWriter; bytes: number } | undefined
    const now = performance.now()
    for (const [writer, { bytes, since }] of this.#writers) {
      if (now - since > recentMs || bytes < this.#floor / 32) continue
      if (most === undefined || bytes > most.bytes) most = { writer, bytes }
    }
    if (most === undefined) return
    this.#writers.delete(most.writer)
    most.writer.refuse(
      new HatchwayError(
        'storage_full',
        `The disk of ${this.#options.liveDir} is nearly full, and this session wrote the most to it: ${inMiB(most.bytes)} within the last seconds.`,
      ),
    )
  }
}

function inMiB(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(bytes < 10 * 1024 ** 2 ? 1 : 0)} MiB`
}
