import { decodeJwt } from 'jose'
import { HatchwayError } from '../core/errors.ts'
import { isSafeToAsk, parseUrl } from '../core/urls.ts'
import { discover, type Discovered } from './oidc-discovery.ts'
import { badAnswer, explainOidc, unavailable } from './oidc-errors.ts'

/** A program without a browser, as a public client of a provider (RFC 8628). */
export interface DeviceClientOptions {
  /** https, or http on loopback. */
  issuer: string
  clientId: string
  scopes: readonly string[]
  /** RFC 8707: for whom the tokens are. */
  resource?: string
}

export interface DeviceTokens {
  accessToken: string
  refreshToken?: string
  expiresAt: Date
  /** Whom the access token is for, as it says, unchecked; absent when it is no JWT. */
  audiences?: readonly string[]
}

/** What the person has to do, elsewhere. Everything is printable ASCII. */
export interface DeviceSignIn {
  userCode: string
  verificationUri: string
  /** The same, with the code in it. */
  completeUri?: string
  expiresAt: Date
  /** Resolves when they have done it. Throws `sign_in_denied`, `sign_in_stale` when it took too long, `cancelled`. */
  wait(signal: AbortSignal): Promise<DeviceTokens>
}

export interface DeviceClient {
  /** Throws `provider_refused` where the provider has no device flow. */
  begin(): Promise<DeviceSignIn>
  /** Throws `sign_in_stale` when the provider says no. */
  refresh(refreshToken: string): Promise<DeviceTokens>
  /** False where the provider does not revoke. */
  revoke(refreshToken: string): Promise<boolean>
}

const clockSkewSeconds = 60
/** Of a provider that names no end, or one that is far. */
const longestSeconds = 30 * 60
const longestIntervalSeconds = 60

/** Asks the provider nothing yet. */
export function createDeviceClient(options: DeviceClientOptions): DeviceClient {
  let known: Promise<Discovered> | undefined
  const ask = async <T>(work: (found: Discovered) => Promise<T>): Promise<T> => {
    known ??= discover(options, clockSkewSeconds)
    try {
      return await work(await known)
    } catch (cause) {
      throw explain(cause, options)
    }
  }
  const target = options.resource === undefined ? undefined : { resource: options.resource }
  return {
    begin: () => ask((found) => begin(found, options, target)),
    refresh: (refreshToken) =>
      ask(async ({ client, config }) =>
        toTokens(await client.refreshTokenGrant(config, refreshToken, target)),
      ),
    revoke: (refreshToken) =>
      ask(async ({ client, config }) => {
        if (config.serverMetadata().revocation_endpoint === undefined) return false
        await client.tokenRevocation(config, refreshToken, { token_type_hint: 'refresh_token' })
        return true
      }),
  }
}

type Target = { resource: string } | undefined

async function begin(found: Discovered, options: DeviceClientOptions, target: Target): Promise<DeviceSignIn> {
  const { client, config } = found
  const { issuer } = options
  if (config.serverMetadata().device_authorization_endpoint === undefined) {
    const detail = `${issuer} has no device flow, which this needs. Tell whoever runs the gateway, and take a token of the provider in another way.`
    throw new HatchwayError('provider_refused', detail)
  }
  const scope = [...new Set(['openid', ...options.scopes])].join(' ')
  const answer = await client.initiateDeviceAuthorization(config, { scope, ...target })
  // What comes from elsewhere must not move the cursor of this terminal, or lead to a page that anybody can change.
  if (!/^[!-~][ -~]{0,63}$/.test(answer.user_code)) throw badAnswer(issuer, 'its code cannot be shown')
  const address = pageOf(answer.verification_uri)
  if (address === undefined) throw badAnswer(issuer, 'its page for the code has no https address')
  const complete = pageOf(answer.verification_uri_complete)
  const seconds = Math.min(answer.expires_in, longestSeconds)
  const expiresAt = new Date(Date.now() + seconds * 1000)
  return {
    userCode: answer.user_code,
    verificationUri: address,
    ...(complete !== undefined && { completeUri: complete }),
    expiresAt,
    wait: (signal) => poll(found, options, { answer, target, expiresAt, signal }),
  }
}

function pageOf(value: string | undefined): string | undefined {
  return value !== undefined && isSafeToAsk(value) ? parseUrl(value)?.href : undefined
}

interface Poll {
  answer: Parameters<Discovered['client']['pollDeviceAuthorizationGrant']>[1]
  target: Target
  expiresAt: Date
  signal: AbortSignal
}

/** openid-client waits between its questions and obeys `slow_down`; a provider that is down for a while is waited for here. */
async function poll(
  { client, config }: Discovered,
  options: DeviceClientOptions,
  { answer, target, expiresAt, signal }: Poll,
): Promise<DeviceTokens> {
  const late = AbortSignal.timeout(Math.max(1, expiresAt.getTime() - Date.now()))
  const either = AbortSignal.any([signal, late])
  for (let interval = answer.interval ?? 5; ; interval = Math.min(interval * 2, longestIntervalSeconds)) {
    try {
      const patient = { ...answer, interval }
      return toTokens(await client.pollDeviceAuthorizationGrant(config, patient, target, { signal: either }))
    } catch (cause) {
      if (signal.aborted) throw new HatchwayError('cancelled', 'Cancelled. Nothing was kept.')
      if (late.aborted) throw new HatchwayError('sign_in_stale', 'The code has expired. Start again.')
      const error = explain(cause, options)
      // RFC 8628, 3.5: on a timeout ask less often.
      if (error.code !== 'provider_unavailable') throw error
    }
  }
}

type Answer = Awaited<ReturnType<Discovered['client']['refreshTokenGrant']>>

function toTokens(answer: Answer): DeviceTokens {
  const claims = claimsOf(answer.access_token)
  const { aud = [], exp } = claims ?? {}
  const end = exp === undefined ? Date.now() + (answer.expiresIn() ?? 300) * 1000 : exp * 1000
  return {
    accessToken: answer.access_token,
    ...(answer.refresh_token !== undefined && { refreshToken: answer.refresh_token }),
    expiresAt: new Date(end),
    ...(claims !== undefined && { audiences: [aud].flat() }),
  }
}

function claimsOf(token: string) {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}

function explain(failure: unknown, { issuer, clientId }: DeviceClientOptions): HatchwayError {
  const { name, error, status } = failure as { name?: unknown; error?: unknown; status?: unknown }
  if (name !== 'ResponseBodyError' || typeof error !== 'string')
    return explainOidc(failure, issuer, 'refresh token')
  if (typeof status === 'number' && status >= 500) return unavailable(issuer, `it answered with ${status}`)
  if (error === 'access_denied')
    return new HatchwayError(
      'sign_in_denied',
      `${issuer} says that the sign-in was refused or cancelled there.`,
    )
  if (error === 'expired_token')
    return new HatchwayError('sign_in_stale', 'The code has expired. Start again.')
  if (error === 'invalid_grant') return explainOidc(failure, issuer, 'refresh token')
  const known = /^[\w.-]{1,64}$/.test(error) ? error : 'without a known reason'
  const detail = `${issuer} refused the program ${JSON.stringify(clientId)} (${known}): client id, scopes or resource in auth.oidc.device of the gateway do not fit what is registered there. Tell whoever runs the gateway.`
  return new HatchwayError('provider_refused', detail)
}
