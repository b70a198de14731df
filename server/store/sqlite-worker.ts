/**
 * Where the rows are. The calls of node:sqlite are synchronous and end with an fsync, so they run in this worker thread and
 * never hold up the event loop that carries terminals.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { Statement } from './collected-writes.ts'
import type { SqliteReply, SqliteRequest, SqliteResult } from './sqlite-client.ts'

const maxStatements = 200
const { path, busyTimeoutMs } = workerData as { path: string; busyTimeoutMs: number }
const ownerFile = `${path}.owner`
const port = parentPort
if (port === null) throw new Error('sqlite-worker.ts runs only as a worker thread')

const database = openDatabase()
const statements = new Map<string, StatementSync>()

port.on('message', (request: SqliteRequest) => {
  if ('close' in request) {
    database.close()
    port.close()
    return
  }
  port.postMessage(answer(request))
})
port.postMessage({ ready: true } satisfies SqliteReply)

function openDatabase(): DatabaseSync {
  const opened = new DatabaseSync(path, { timeout: busyTimeoutMs })
  try {
    // EXCLUSIVE: the first access takes file locks that this process holds until it closes the database or dies, and
    // that the kernel frees in either case: a second process is refused, and a dead one blocks nobody.
    opened.exec('PRAGMA locking_mode = EXCLUSIVE')
    opened.exec('PRAGMA journal_mode = WAL')
    opened.exec('BEGIN EXCLUSIVE; COMMIT')
    // FULL: in WAL mode only this makes a commit survive a power cut.
    opened.exec('PRAGMA synchronous = FULL')
    opened.exec('PRAGMA foreign_keys = ON')
    // Else REPLACE would remove audit events without running the trigger that refuses it.
    opened.exec('PRAGMA recursive_triggers = ON')
  } catch (cause) {
    opened.close()
    throw isBusy(cause) ? new Error(`another Hatchway uses this data directory: ${owner()}`) : cause
  }
  writeFileSync(ownerFile, `${process.pid}\n`, { mode: 0o600 })
  return opened
}

function isBusy(cause: unknown): boolean {
  // SQLITE_BUSY, with or without an extended code in the upper bits.
  return cause instanceof Error && 'errcode' in cause && (Number(cause.errcode) & 0xff) === 5
}

function owner(): string {
  try {
    return `pid ${readFileSync(ownerFile, 'utf8').trim()}`
  } catch {
    // It has the lock, but has not written its name yet.
    return 'pid unknown'
  }
}

function answer(request: Exclude<SqliteRequest, { close: true }>): SqliteReply {
  const { id } = request
  try {
    return { id, ...('one' in request ? run(request.one) : commit(request.together)) }
  } catch (cause) {
    return { id, error: cause instanceof Error ? cause.message : String(cause) }
  }
}

function run({ sql, parameters }: Statement): SqliteResult {
  const statement = prepare(sql)
  const values = parameters as SQLInputValue[]
  // Rows have no prototype, which structured cloning gives back.
  if (statement.columns().length > 0) return { rows: statement.all(...values), changes: 0 }
  return { rows: [], changes: Number(statement.run(...values).changes) }
}

function commit(statements: readonly Statement[]): SqliteResult {
  const done = { rows: [], changes: 0 }
  database.exec('begin immediate')
  try {
    for (const [index, statement] of statements.entries()) {
      const { rows, changes } = run(statement)
      if (statement.needsRow === true && rows.length === 0 && changes === 0) {
        database.exec('rollback')
        return { ...done, unmet: index }
      }
    }
    database.exec('commit')
    return done
  } finally {
    // A full disk has already rolled it back, or not.
    if (database.isTransaction) database.exec('rollback')
  }
}

function prepare(sql: string): StatementSync {
  const known = statements.get(sql)
  if (known !== undefined) return known
  if (statements.size >= maxStatements) statements.clear()
  const statement = database.prepare(sql)
  statements.set(sql, statement)
  return statement
}
