import type { NewAuditEvent } from './audit-log.ts'
import { HatchwayError } from './errors.ts'
import type { SessionChange } from './session-store.ts'
import type { SessionRow } from './session.ts'
import type { Store } from './store.ts'
import { WriteConflict } from './write-conflict.ts'

/** More than there are gateways and people who write one row in the same moment. */
const mostTries = 50

interface SessionEdit {
  change: SessionChange
  /** Written with it, or not at all. */
  events?: readonly NewAuditEvent[]
}

/** What shall change in a row, or nothing. It may be asked several times. */
export type EditSession = (row: SessionRow) => SessionEdit | undefined

/**
 * Changes a session's row, whoever else does so at the same time: `edit` makes of the row as it is stored what shall change, and is
 * asked again with what is stored then when somebody else was faster. Resolves with the row as it is stored now; with undefined,
 * and nothing is written, when `edit` says so. Throws what `edit` throws, `session_not_found`, and `store_unavailable` when others
 * were faster every time.
 */
export async function changeSession(
  store: Pick<Store, 'getVersionedSession' | 'transaction'>,
  id: string,
  edit: EditSession,
): Promise<SessionRow | undefined> {
  for (let tries = 0; tries < mostTries; tries++) {
    const stored = await store.getVersionedSession(id)
    if (stored === undefined)
      throw new HatchwayError('session_not_found', `There is no session ${id.slice(0, 128)}.`)
    const wanted = edit(stored.row)
    if (wanted === undefined) return undefined
    const { change, events = [] } = wanted
    try {
      await store.transaction((transaction) => {
        for (const event of events) transaction.appendAudit(event)
        transaction.updateSession(id, change, stored.version)
      })
      return { ...stored.row, ...change }
    } catch (cause) {
      if (!(cause instanceof WriteConflict && cause.on === 'version')) throw cause
    }
  }
  const detail = `Session ${id} could not be changed: others changed it ${mostTries} times meanwhile. Try again.`
  throw new HatchwayError('store_unavailable', detail)
}
