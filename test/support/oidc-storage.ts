type Payload = Record<string, unknown> & { grantId?: string; uid?: string; userCode?: string }

/** Rows of a provider, so that they outlive it: a provider with new keys is a new provider over the same rows. */
export class OidcStorage {
  readonly rows = new Map<string, { payload: Payload; expiresAt: number }>()

  /** What oidc-provider calls an adapter: the rows of one of its models. */
  adapter(model: string) {
    const { rows } = this
    const key = (id: string) => `${model}:${id}`
    const alive = (id: string) => {
      const row = rows.get(key(id))
      return row !== undefined && row.expiresAt > Date.now() ? row.payload : undefined
    }
    const findBy = (fits: (payload: Payload) => boolean) => {
      for (const [name, { payload, expiresAt }] of rows)
        if (name.startsWith(`${model}:`) && expiresAt > Date.now() && fits(payload)) return payload
      return undefined
    }
    return {
      upsert: async (id: string, payload: Payload, seconds?: number) => {
        const expiresAt = seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000
        rows.set(key(id), { payload, expiresAt })
      },
      find: async (id: string) => alive(id),
      findByUid: async (uid: string) => findBy((payload) => payload.uid === uid),
      findByUserCode: async (code: string) => findBy((payload) => payload.userCode === code),
      consume: async (id: string) => {
        const payload = alive(id)
        if (payload !== undefined) payload['consumed'] = Math.floor(Date.now() / 1000)
      },
      destroy: async (id: string) => {
        rows.delete(key(id))
      },
      revokeByGrantId: async (grantId: string) => {
        for (const [name, { payload }] of rows) if (payload.grantId === grantId) rows.delete(name)
      },
    }
  }

  /** Names of the refresh tokens of this account that are still good. */
  refreshTokensOf(accountId: string): string {
    const tokens = [...this.rows].filter(([name]) => name.startsWith('RefreshToken:'))
    const good = tokens.filter(
      ([, { payload }]) => payload['accountId'] === accountId && !payload['consumed'],
    )
    return good.map(([name]) => name).join(' ')
  }

  /** The `sid` that this account's ID tokens name, by browser, the first sign-in first. */
  sessionIdsOf(accountId: string): string[] {
    const sessions = [...this.rows].filter(([name]) => name.startsWith('Session:'))
    const own = sessions.map(([, { payload }]) => payload).filter((row) => row['accountId'] === accountId)
    return own.flatMap((row) => Object.values(row['authorizations'] ?? {}).map(({ sid }) => String(sid)))
  }

  /** Ends everything that this account was granted, as an administrator of the provider does. */
  removeAccount(accountId: string): void {
    for (const [name, { payload }] of this.rows)
      if (payload['accountId'] === accountId && !name.startsWith('Client:')) this.rows.delete(name)
  }
}
