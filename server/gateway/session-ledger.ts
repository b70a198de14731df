import type { LedgerTransaction, SessionLedger } from '../core/session-ledger.ts'
import type { Store, Transaction } from '../core/store.ts'
import { createAuditTrail } from './audit-trail.ts'
import { changeSession } from './change-session.ts'

/** Rows and events of sessions, in a store. */
export function createSessionLedger(store: Store): SessionLedger {
  return {
    ...createAuditTrail(store),
    updateSession: (id, change, version) => store.updateSession(id, change, version),
    getSession: (id) => store.getSession(id),
    listSessions: (query, options) => store.listSessions(query, options),
    listAudit: (query, options) => store.listAudit(query, options),
    transaction: (write) => store.transaction((transaction) => write(recording(transaction))),
    change: (id, edit) => changeSession(store, id, edit),
  }
}

function recording(transaction: Transaction): LedgerTransaction {
  return {
    createSession: (row) => transaction.createSession(row),
    updateSession: (id, change, version) => transaction.updateSession(id, change, version),
    record: (event) => {
      transaction.appendAudit(event)
    },
  }
}
