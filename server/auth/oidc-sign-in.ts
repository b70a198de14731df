import { createHash, randomBytes } from 'node:crypto'
import { HatchwayError } from '../core/errors.ts'
import { returnPath } from '../core/return-path.ts'
import type { ProviderSignIn } from '../core/authentication.ts'
import type { OidcClient, OidcTokens } from './oidc-client.ts'
import { badAnswer } from './oidc-errors.ts'
import type { Identified, Identify } from './oidc-identity.ts'
import type { SealedBox } from './sealed-box.ts'

/** What a browser carries from the start of a sign-in to its end, sealed. */
interface Pending {
  state: string
  nonce: string
  verifier: string
  redirectUri: string
  returnTo: string
  /** Hash of the browser's login at the start: it is replaced by the new one. */
  replaces?: string
  at: number
}

export interface FinishedSignIn {
  identified: Identified
  tokens: OidcTokens
  /** A path of this site. */
  returnTo: string
  replaces?: string
}

export interface OidcSignIn extends Pick<ProviderSignIn, 'start' | 'keyOf' | 'returnTo'> {
  /** Throws HatchwayErrors in plain words. */
  finish(request: { query: string; pending: string | undefined }): Promise<FinishedSignIn>
}

const pendingSeconds = 600
const context = 'pending sign-in'

/** Authorization code with PKCE, state and nonce (RFC 9700, 2.1), bound to the browser that began it. */
export function createOidcSignIn(client: OidcClient, identify: Identify, box: SealedBox): OidcSignIn {
  const read = (pending: string | undefined): Pending | undefined => {
    const text = pending === undefined ? undefined : box.open(pending, context)
    return text === undefined ? undefined : (JSON.parse(text) as Pending)
  }
  return {
    async start({ redirectUri, returnTo, replaces }) {
      const [state, nonce, verifier] = [random(), random(), random()]
      const url = await client.authorizationUrl({ redirectUri, state, nonce, verifier })
      const pending: Pending = {
        state,
        nonce,
        verifier,
        redirectUri,
        returnTo: returnPath(returnTo),
        ...(replaces !== undefined && { replaces }),
        at: Date.now(),
      }
      return { url, pending: box.seal(JSON.stringify(pending), context), key: keyOf(state) }
    },
    keyOf,
    returnTo: (pending) => read(pending)?.returnTo ?? '/',
    async finish({ query, pending: sealed }) {
      const pending = read(sealed)
      const answer = new URLSearchParams(query)
      checkAnswer(pending, answer, client.issuer)
      const { state, nonce, verifier, redirectUri, returnTo, replaces } = pending
      const callback = new URL(redirectUri)
      callback.search = answer.toString()
      const tokens = await client.exchange({ callback, state, nonce, verifier })
      if (tokens.idClaims === undefined) throw badAnswer(client.issuer, 'it has no ID token')
      const identified = await identify(tokens)
      return { identified, tokens, returnTo, ...(replaces !== undefined && { replaces }) }
    },
  }
}

/** What openid-client checks too, here in words of their own. */
function checkAnswer(
  pending: Pending | undefined,
  answer: URLSearchParams,
  issuer: string,
): asserts pending is Pending {
  if (pending === undefined) {
    throw new HatchwayError(
      'sign_in_stale',
      'This browser has no sign-in under way: it was finished already, its cookie is gone, or it began in another browser. Sign in again.',
    )
  }
  if (Date.now() - pending.at > pendingSeconds * 1000)
    throw new HatchwayError('sign_in_stale', 'The sign-in took longer than 10 minutes. Sign in again.')
  if (answer.get('state') !== pending.state)
    throw new HatchwayError('sign_in_stale', 'The answer belongs to another sign-in. Sign in again.')
  // RFC 9207: the answer says whose it is, so that one provider's code is not taken to another.
  const from = answer.get('iss')
  if (from !== null && from !== issuer) {
    const detail = `The answer says that it is not from ${issuer}. Nothing was sent there. Sign in again, from a link that you trust.`
    throw new HatchwayError('sign_in_mixed_up', detail)
  }
}

function keyOf(state: string): string {
  return createHash('sha256').update(state).digest('hex').slice(0, 12)
}

function random(): string {
  return randomBytes(32).toString('base64url')
}
