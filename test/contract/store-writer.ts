/*
 * A process that appends audit events until it is killed: store-writer.ts <database>. Says on its standard output the id
 * of each event that is stored.
 */
import { writeSync } from 'node:fs'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'

const store = await openSqliteStore({ path: process.argv[2] ?? '' })
for (;;) {
  const { id } = await store.appendAudit({ kind: 'viewed' })
  writeSync(1, `${id}\n`)
}
