/** One piece of a list. */
export interface Page<T> {
  items: T[]
  /** Opaque; hand it back as `cursor`. Absent on the last page. */
  next?: string
}

/** A list that has to look through many rows does so piece by piece. */
export interface ListOptions {
  /** Ends it between two pieces: `cancelled`. */
  signal?: AbortSignal
  /** Called before each piece after the first; what it throws ends the list. */
  goOn?: () => void
}
