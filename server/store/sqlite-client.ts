import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Statement } from './collected-writes.ts'

/** One statement by itself; or several, all of them or nothing. */
type Work = { one: Statement } | { together: readonly Statement[] }
export type SqliteRequest = ({ id: number } & Work) | { close: true }
export type SqliteReply = { ready: true } | ({ id: number } & (SqliteResult | { error: string }))

export interface SqliteResult {
  rows: Record<string, unknown>[]
  changes: number
  /** Which of several statements found no row that it needs. */
  unmet?: number
}

export interface SqliteClientOptions {
  path: string
  /** How long opening waits for another process to let go of the database. */
  busyTimeoutMs?: number
  /** How long one statement may take before the worker counts as dead. */
  deadlineMs?: number
}

// For starting the thread and recovering the write-ahead log of a killed process.
const openDeadlineMs = 30_000

interface Pending {
  resolve: (result: SqliteResult) => void
  reject: (cause: HatchwayError) => void
  timer: NodeJS.Timeout
}

/** One run of the worker thread: from its start to its end, never restarted. */
interface Running {
  worker: Worker
  ready: Promise<void>
  pending: Map<number, Pending>
}

/**
 * Runs SQL in the worker thread that holds the database. Every failure is `store_unavailable`. After the worker's death
 * the next call starts another one.
 */
export class SqliteClient {
  readonly #options: Required<SqliteClientOptions>
  #running: Running | undefined
  #closed = false
  #lastId = 0

  constructor(options: SqliteClientOptions) {
    this.#options = { busyTimeoutMs: 1000, deadlineMs: 30_000, ...options }
  }

  /** Changes with every start of the worker: a transaction does not outlive it. */
  get generation(): object | undefined {
    return this.#running
  }

  execute(sql: string, parameters: readonly unknown[]): Promise<SqliteResult> {
    return this.#run({ one: { sql, parameters } })
  }

  /**
   * One transaction in one message: all statements and one flush, or nothing. Resolves with the index of the first one that found
   * no row that it needs, which left nothing behind.
   */
  async commit(statements: readonly Statement[]): Promise<number | undefined> {
    const { unmet } = await this.#run({ together: statements })
    return unmet
  }

  /** Lets go of the database. Pending calls are answered first. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const running = this.#running
    if (running === undefined) return
    const ended = new Promise<void>((resolve) => running.worker.once('exit', () => resolve()))
    running.worker.ref()
    running.worker.postMessage({ close: true } satisfies SqliteRequest)
    const timer = setTimeout(() => void running.worker.terminate(), this.#options.deadlineMs)
    await ended
    clearTimeout(timer)
  }

  async #run(work: Work): Promise<SqliteResult> {
    if (this.#closed) throw unavailable('it is closed')
    this.#running ??= this.#start()
    const running = this.#running
    await running.ready
    if (this.#running !== running) throw unavailable('its thread has just ended')
    return this.#ask(running, work)
  }

  #ask(running: Running, work: Work): Promise<SqliteResult> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      const { deadlineMs } = this.#options
      const timer = setTimeout(() => {
        this.#lose(running, `it did not answer within ${deadlineMs / 1000} s`)
        void running.worker.terminate()
      }, deadlineMs)
      running.pending.set(id, { resolve, reject, timer })
      running.worker.ref()
      running.worker.postMessage({ id, ...work } satisfies SqliteRequest)
    })
  }

  #start(): Running {
    const { path, busyTimeoutMs } = this.#options
    createPrivately(path)
    const worker = new Worker(new URL('sqlite-worker.ts', import.meta.url), {
      workerData: { path, busyTimeoutMs },
      name: 'hatchway-store',
      // Not this process's own flags: some of them, such as --input-type, stop a worker from starting.
      execArgv: [],
    })
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
    const running: Running = { worker, ready, pending: new Map() }
    worker.on('message', (reply: SqliteReply) => {
      if ('ready' in reply) resolve()
      else settle(running, reply)
      // An idle store does not keep the process alive.
      if (running.pending.size === 0) worker.unref()
    })
    worker.on('error', (cause) => {
      this.#lose(running, messageOf(cause))
      reject(unavailable(messageOf(cause), cause))
    })
    worker.on('exit', (code) => {
      this.#lose(running, `its thread ended (${code})`)
      reject(unavailable(`its thread ended (${code})`))
    })
    const timer = setTimeout(() => void worker.terminate(), openDeadlineMs + busyTimeoutMs)
    // Who waits for it gets the rejection; nobody may be waiting.
    ready.catch(() => undefined).finally(() => clearTimeout(timer))
    return running
  }

  #lose(running: Running, why: string): void {
    if (this.#running === running) this.#running = undefined
    for (const { reject, timer } of running.pending.values()) {
      clearTimeout(timer)
      reject(unavailable(why))
    }
    running.pending.clear()
  }
}

function settle(running: Running, reply: Exclude<SqliteReply, { ready: true }>): void {
  const pending = running.pending.get(reply.id)
  if (pending === undefined) return
  running.pending.delete(reply.id)
  clearTimeout(pending.timer)
  if ('error' in reply) pending.reject(unavailable(reply.error))
  else pending.resolve(reply)
}

// SQLite gives its -wal file the mode of the database. An existing one must not be opened here: closing any descriptor
// of it would drop the locks that this process holds on it (POSIX advisory locks).
function createPrivately(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    if (!existsSync(path)) closeSync(openSync(path, 'wx', 0o600))
  } catch (cause) {
    throw unavailable(messageOf(cause), cause)
  }
}

function unavailable(why: string, cause?: unknown): HatchwayError {
  const detail = `The store cannot be used: ${why}. Check the data directory and its disk.`
  return new HatchwayError('store_unavailable', detail, cause === undefined ? undefined : { cause })
}
