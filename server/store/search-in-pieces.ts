/** A text is looked for in so many rows at once: the store has one thread, and ends and openings wait for it. */
export const searchedAtOnce = 5_000

/** Of rows that are read newest first. `Place` is where a row stands in that order. */
export interface Search<Row, Place> {
  /** Goes on with what is older than this; from the newest on where it is absent. */
  before: Place | undefined
  /** So many rows are enough. */
  limit: number
  /** The last of the next so many rows, whatever is looked for; undefined when there are fewer. */
  endOfPiece(before: Place | undefined): Promise<Place | undefined>
  /** Those that are looked for between the two, `last` with them, at most `count`. */
  read(piece: { before: Place | undefined; last: Place | undefined }, count: number): Promise<Row[]>
}

/** The same rows as one query would give, looked for piece by piece, so that what others ask of the store comes between. */
export async function searchInPieces<Row, Place>(search: Search<Row, Place>): Promise<Row[]> {
  const rows: Row[] = []
  let { before } = search
  for (;;) {
    const last = await search.endOfPiece(before)
    rows.push(...(await search.read({ before, last }, search.limit - rows.length)))
    if (last === undefined || rows.length >= search.limit) return rows
    before = last
  }
}
