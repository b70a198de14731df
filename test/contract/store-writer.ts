/*
 * A process that writes an audit event and a session's row together until it is killed: store-writer.ts <database>. Says on its
 * standard output the id of each event that is stored.
 */
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import { sessionRow } from './store-rows.ts'

const store = await openSqliteStore({ path: process.argv[2] ?? '' })
for (;;) {
  const sessionId = randomUUID()
  const { id } = await store.transaction((transaction) => {
    const event = transaction.appendAudit({ kind: 'opened', sessionId })
    transaction.createSession(sessionRow(sessionId))
    return event
  })
  writeSync(1, `${id}\n`)
}
