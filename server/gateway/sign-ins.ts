/** Signing in and out: each is in the audit log before anybody is let in, or sent away. */
import type { AuditTrail } from '../core/audit-trail.ts'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import { personOf } from '../core/same-person.ts'
import type { Auth, LogoutRequest, NewLogin } from '../core/authentication.ts'
import type { AuditEvent } from '../core/session.ts'
import type { SignIns } from '../core/sign-ins.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Caller } from './caller.ts'

export type Credential = { token: string } | { code: string }

export interface SignInDeps {
  auth: Pick<Auth, 'logins' | 'verifyToken' | 'redeemLink'>
  store: Pick<SignIns, 'findLogins'>
  sessions: Pick<Sessions, 'signedInAgain'>
  audit: AuditTrail
}

export interface SignInCases {
  /** Whose credential it is. Throws `token_invalid`, `unauthenticated`. */
  verify(credential: Credential): Promise<Principal>
  /** Stores a login of a person, in place of the one that their browser had. */
  begin({ who, from }: Caller, replaces: string | undefined): Promise<{ id: string }>
  /** The same, of a person whom the identity provider let in. */
  beginByProvider(login: NewLogin, from: string): Promise<{ id: string }>
  refused(from: string, reason: string, detail: NonNullable<AuditEvent['detail']>): Promise<void>
  /** Removes a login, which may not be there any more. Resolves with its key. */
  end(id: string, from: string): Promise<string | undefined>
  /** Removes every login of the caller; resolves with their keys. */
  endAll({ who, from }: Caller): Promise<string[]>
  /** What the identity provider asks for; resolves with the keys of the logins that are gone. */
  endByProvider(request: LogoutRequest, from: string): Promise<string[]>
}

export function createSignInCases({ auth, store, sessions, audit }: SignInDeps): SignInCases {
  const { logins } = auth
  return {
    verify: (credential) => principalOf(auth, credential),
    async begin({ who, from }, replaces) {
      await audit.record({ kind: 'signed-in', who: personOf(who), from })
      const created = await logins.create(who)
      // As with a provider: the browser leaves nothing behind that whoever knew its cookie could go on with.
      if (replaces !== undefined) await logins.remove(replaces)
      return created
    },
    async beginByProvider(login, from) {
      const { who, replaces } = login
      await audit.record({ kind: 'signed-in', who: personOf(who), from, detail: { method: 'provider' } })
      // Always a fresh id: whatever cookie somebody planted before signs nobody in.
      const created = await login.save()
      if (replaces !== undefined) await logins.removeKey(replaces)
      // Whoever comes back with fewer groups has their sessions judged by them.
      sessions.signedInAgain(who)
      return created
    },
    refused: (from, reason, detail) => audit.record({ kind: 'sign-in-failed', from, reason, detail }),
    async end(id, from) {
      const login = await logins.known(id)
      if (login !== undefined) await audit.record({ kind: 'signed-out', who: personOf(login.who), from })
      await logins.remove(id)
      return login?.key
    },
    async endAll({ who, from }) {
      const detail = { everywhere: true }
      await audit.record({ kind: 'signed-out', who: personOf(who), from, detail })
      return await logins.removeAll({ issuer: who.issuer, subject: who.subject })
    },
    async endByProvider({ query }, from) {
      if (query === undefined) return []
      for (const { principal } of await store.findLogins(query)) {
        const detail = { by: 'identity provider' }
        await audit.record({ kind: 'signed-out', who: personOf(principal), from, detail })
      }
      return await logins.removeAll(query)
    },
  }
}

async function principalOf(
  { verifyToken, redeemLink }: SignInDeps['auth'],
  credential: Credential,
): Promise<Principal> {
  if ('token' in credential) return await verifyToken(credential.token)
  if (redeemLink !== undefined) return await redeemLink(credential.code)
  throw new HatchwayError('unauthenticated', 'This gateway gives out no sign-in links. Sign in with a token.')
}
