import { HatchwayError } from '../core/errors.ts'
import type { ListOptions } from '../core/page.ts'

/** So many rows are looked through at once: the store has one thread, and ends and openings wait for it. */
const searchedAtOnce = 5_000

export interface SearchOptions extends ListOptions {
  /** Rows of a piece. */
  atOnce?: number
}

/** Of rows that are read newest first. `Place` is where a row stands in that order. */
export interface Search<Row, Place> {
  /** Goes on with what is older than this; from the newest on where it is absent. */
  before: Place | undefined
  /** So many rows are enough. */
  limit: number
  /** Few rows are looked through at first, or each with little work: the first piece waits for nobody's turn. */
  isQuick: boolean
  /** The last of the next so many rows, whatever is looked for; undefined when there are fewer. */
  endOfPiece(before: Place | undefined, atOnce: number): Promise<Place | undefined>
  /** Those that are looked for between the two, `last` with them, at most `count`. */
  read(piece: { before: Place | undefined; last: Place | undefined }, count: number): Promise<Row[]>
}

/**
 * The same rows as one query would give, looked for piece by piece, so that what others ask of the store comes between. Throws
 * `cancelled`, and what `goOn` throws.
 */
export async function searchInPieces<Row, Place>(
  search: Search<Row, Place>,
  { atOnce = searchedAtOnce, signal, goOn }: SearchOptions,
): Promise<Row[]> {
  const { before, limit, isQuick } = search
  const rows: Row[] = []
  const piece = async (start: Place | undefined) => {
    if (signal?.aborted === true) throw new HatchwayError('cancelled', 'The caller went away.')
    const last = await search.endOfPiece(start, atOnce)
    rows.push(...(await search.read({ before: start, last }, limit - rows.length)))
    return last
  }
  let last = isQuick ? await piece(before) : await inTurn(() => piece(before))
  while (last !== undefined && rows.length < limit) {
    goOn?.()
    const start = last
    last = await inTurn(() => piece(start))
  }
  return rows
}

let pieces: Promise<unknown> = Promise.resolve()

/** Of all searches, one piece at a time: whatever else is asked of the store waits for one, not for one of each. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = pieces.then(work)
  pieces = done.catch(() => undefined)
  return done
}
