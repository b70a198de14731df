/** What a test's context does: runs `fn` when it is over. */
export interface Cleanup {
  after(fn: () => unknown): void
}
