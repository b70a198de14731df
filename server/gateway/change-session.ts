import { HatchwayError } from '../core/errors.ts'
import type { EditSession } from '../core/session-ledger.ts'
import type { SessionRow } from '../core/session.ts'
import type { Store } from '../core/store.ts'
import { WriteConflict } from '../core/write-conflict.ts'

/** More than there are gateways and people who write one row in the same moment. */
const mostTries = 50

/** A ledger's `change`, in a store. */
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
