/** The right to do something alone, for a while: of a thing that has a name, one owner at a time. */
export interface Lease {
  name: string
  /** Who holds it: a name that no other process has, nor the same one after a restart. */
  owner: string
  /** Grows with each acquisition of the name, for ever. */
  epoch: number
  /** By the store's clock. From then on others may acquire it. */
  expiresAt: Date
}

/**
 * Time is the store's, so that clocks of several gateways need not agree. An owner that was paused does not know that its lease has
 * expired: what it writes under the lease is refused by the epoch (`requireLease` of a transaction), not by what it believes.
 * Every method throws `store_unavailable`.
 */
export interface Leases {
  /** For so many milliseconds. Undefined while somebody else holds it; who holds it gets it anew, with a greater epoch. */
  acquireLease(name: string, owner: string, forMs: number): Promise<Lease | undefined>
  /**
   * From now on for so many milliseconds. Undefined when it is lost: another acquisition came, or it was released. One that has
   * expired and that nobody else took is not lost.
   */
  renewLease(lease: Lease, forMs: number): Promise<Lease | undefined>
  /** Lets others have it at once. Idempotent; one that is lost already stays with its new owner. */
  releaseLease(lease: Lease): Promise<void>
}
