import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Policy, Principal } from '../core/policy.ts'
import { isSamePerson } from '../core/same-person.ts'
import type { SessionRow } from '../core/session.ts'
import { policyTargetOfSession } from '../core/session-policy.ts'
import type { SessionQuery, SessionStore } from '../core/session-store.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { may } from './permissions.ts'
import { mayApprove } from './session-judge.ts'

/** How many sessions one request may look through for those that the caller may see, and how many at once. */
const maxChunks = 50
const chunkRows = 200
/** Nobody else waits longer for a turn of the loop. */
const turnMs = 4

/** Each shows the session to whoever may do it to its target. */
const showing = ['watch', 'terminate', 'read-recording'] as const

export interface VisibleSessionsDeps {
  policy: () => Policy
  sessions: Pick<Sessions, 'ended' | 'owesEnds'>
  store: Pick<SessionStore, 'listSessions'>
}

/**
 * A page of sessions that the caller may see. There is a `next` only where they may see another one, and it is the place of one
 * that they see: the end of a page must not tell of those between. Ends where too much was looked through; filters reach further.
 * `spend` is called before each chunk, and before each piece that the store looks through to fill one, and may throw.
 */
export async function listVisibleSessions(
  deps: VisibleSessionsDeps,
  who: Principal,
  query: SessionQuery,
  spend: () => void,
  signal?: AbortSignal,
): Promise<{ items: SessionRow[]; next?: string }> {
  const items: SessionRow[] = []
  const policy = deps.policy()
  const isSeen = rememberSeen(policy, who)
  const pause = createPause()
  // What no rule could ever show is not even read.
  const places = policy.reach?.(who, [...showing, 'approve'])
  const within = places && { own: who, places }
  // What is over, and is not so in the store yet, is found there among what lives.
  const states = deps.sessions.owesEnds && query.states?.includes('ended') ? undefined : query.states
  const read = (limit: number, cursor: string | undefined) =>
    deps.store.listSessions(
      withoutUndefined({ ...query, states, within, limit, cursor }),
      withoutUndefined({ goOn: spend, signal }),
    )
  let last: { limit: number; cursor: string | undefined } | undefined
  let { cursor } = query
  for (let chunk = 0; chunk < maxChunks; chunk++) {
    spend()
    const found = await read(chunkRows, cursor)
    for (const [index, stored] of found.items.entries()) {
      await pause()
      const row = deps.sessions.ended(stored.id) ?? stored
      if (query.states?.includes(row.state) === false || !isSeen(row)) continue
      if (items.length === query.limit && last !== undefined)
        return withoutUndefined({ items, next: (await read(last.limit, last.cursor)).next })
      items.push(row)
      last = { limit: index + 1, cursor }
    }
    cursor = found.next
    if (cursor === undefined) break
  }
  return { items }
}

/** Calls `describe` with each of them, and lets others have their turns between. */
export async function mapInTurns<Row, Shown>(
  rows: readonly Row[],
  describe: (row: Row) => Shown,
): Promise<Shown[]> {
  const pause = createPause()
  const shown: Shown[] = []
  for (const row of rows) {
    await pause()
    shown.push(describe(row))
  }
  return shown
}

/** The same as `sessionRights` says of `see`. Thousands of sessions have few targets: each is decided once. */
function rememberSeen(policy: Policy, who: Principal): (row: SessionRow) => boolean {
  const known = new Map<string, boolean>()
  return (row) => {
    if (isSamePerson(row.user, who)) return true
    const target = policyTargetOfSession(row)
    const key = JSON.stringify(target)
    let isShown = known.get(key)
    if (isShown === undefined) {
      isShown = showing.some((action) => may(policy, who, action, target))
      known.set(key, isShown)
    }
    return isShown || mayApprove(policy, who, row)
  }
}

/** Call it between pieces of work; it waits for a turn of the loop when the last one was a while ago. */
function createPause(): () => Promise<void> | undefined {
  let since = performance.now()
  const wait = async () => {
    await nextTurn()
    since = performance.now()
  }
  return () => (performance.now() - since < turnMs ? undefined : wait())
}
