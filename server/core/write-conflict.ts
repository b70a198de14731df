/**
 * A write that was refused, with all of its transaction, because the state that it goes on from has passed: somebody else has
 * changed the row, or holds the lease by now. For the one who writes, who reads again or stops; it never reaches a caller.
 */
export class WriteConflict extends Error {
  override readonly name = 'WriteConflict'
  readonly on: 'version' | 'lease'

  constructor(on: 'version' | 'lease', detail: string) {
    super(detail)
    this.on = on
  }
}
