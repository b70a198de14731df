import type { EditSession, SessionLedger } from '../../core/session-ledger.ts'
import type { SessionRow } from '../../core/session.ts'

interface Edit {
  edit: EditSession
  /** It makes the request a session that starts. */
  begins: boolean
  /** Told of the request as it is stored, while it waits. */
  onStored: (row: SessionRow) => void
}

/** Changes of a request that waits, some of which come true although the store gave no answer. */
export class RequestEdits {
  readonly #store: Pick<SessionLedger, 'change'>
  /** By their deadlines, the starts that were to be stored. */
  readonly #starts = new Set<number>()

  constructor(store: Pick<SessionLedger, 'change'>) {
    this.#store = store
  }

  /** As {@link SessionLedger.change}. A start that came true before is not stored again; nothing else is, from then on. */
  async change({ id, state }: SessionRow, { edit, begins, onStored }: Edit): Promise<SessionRow | undefined> {
    let begun: SessionRow | undefined
    const changed = await this.#store.change(id, (stored) => {
      if (stored.state === state) onStored(stored)
      else if (this.#starts.has(stored.deadline.getTime())) begun = stored
      const wanted = begun === undefined ? edit(stored) : undefined
      const { deadline } = wanted?.change ?? {}
      if (begins && deadline !== undefined) this.#starts.add(deadline.getTime())
      return wanted
    })
    if (begun !== undefined) return begins ? begun : undefined
    if (changed !== undefined && !begins) onStored(changed)
    return changed
  }
}
