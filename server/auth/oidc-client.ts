import type { JWTPayload } from 'jose'
import type * as Client from 'openid-client'
import { HatchwayError } from '../core/errors.ts'
import { isSafeToAsk } from '../core/urls.ts'
import { discover, type Discovered } from './oidc-discovery.ts'
import { badAnswer, explainOidc, type Grant } from './oidc-errors.ts'
import type { OidcOptions } from './oidc-options.ts'

/** What a provider gave for a code or a refresh token. */
export interface OidcTokens {
  accessToken: string
  refreshToken?: string
  idToken?: string
  /** The ID token's claims; times, issuer, audience and nonce are checked, its signature is not. */
  idClaims?: JWTPayload
  /** How long the access token is good, when the provider says so. */
  expiresInSeconds?: number
}

/** The gateway as a client of one identity provider. Everything throws HatchwayErrors in plain words. */
export interface OidcClient {
  readonly issuer: string
  authorizationUrl(request: {
    redirectUri: string
    state: string
    nonce: string
    verifier: string
  }): Promise<string>
  /** `callback`: the address that the browser came back to, with its whole query. */
  exchange(request: { callback: URL; state: string; nonce: string; verifier: string }): Promise<OidcTokens>
  /** Throws `sign_in_stale` when the provider says no. */
  refresh(refreshToken: string): Promise<OidcTokens>
  /** Claims about whom the access token is for, who has to be `subject`; undefined where the provider has none to ask. */
  userInfo(accessToken: string, subject: string): Promise<JWTPayload | undefined>
  /** Does nothing where the provider does not revoke. */
  revoke(refreshToken: string): Promise<void>
  /** Where the browser signs out of the provider too; undefined where the provider knows no such thing. */
  endSessionUrl(request: { idToken?: string; returnTo: string }): Promise<string | undefined>
  jwksUri(): Promise<string>
}

const metadataMs = 10 * 60_000
/** Nobody knocks more often than that at a provider that is down. */
const failurePauseMs = 2000
const usefulScopes = ['openid', 'profile', 'groups', 'offline_access']

/** Asks the provider nothing yet: its metadata are fetched when they are needed, and again after 10 minutes. */
export function createOidcClient(options: OidcOptions, clockSkewSeconds: number): OidcClient {
  const { issuer } = options
  const explained = async <T>(work: () => Promise<T>, grant?: Grant): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw explainOidc(cause, issuer, grant)
    }
  }
  const explainedRefresh = <T>(work: () => Promise<T>) => explained(work, 'refresh token')
  const discovered = remember(() => explained(() => discover(options, clockSkewSeconds)))
  return {
    issuer,
    authorizationUrl: (request) =>
      withClient(discovered, explained, (client, config) =>
        authorizationUrl(options, { client, config }, request),
      ),
    exchange: ({ callback, state, nonce, verifier }) =>
      withClient(discovered, explained, async (client, config) =>
        toTokens(
          issuer,
          await client.authorizationCodeGrant(config, callback, {
            expectedState: state,
            expectedNonce: nonce,
            pkceCodeVerifier: verifier,
          }),
        ),
      ),
    refresh: (refreshToken) =>
      withClient(discovered, explainedRefresh, async (client, config) =>
        toTokens(issuer, await client.refreshTokenGrant(config, refreshToken)),
      ),
    userInfo: (accessToken, subject) =>
      withClient(discovered, explained, async (client, config) =>
        config.serverMetadata().userinfo_endpoint === undefined
          ? undefined
          : { ...(await client.fetchUserInfo(config, accessToken, subject)) },
      ),
    revoke: (refreshToken) =>
      withClient(discovered, explained, async (client, config) => {
        if (config.serverMetadata().revocation_endpoint === undefined) return
        await client.tokenRevocation(config, refreshToken, { token_type_hint: 'refresh_token' })
      }),
    endSessionUrl: ({ idToken, returnTo }) =>
      withClient(discovered, explained, async (client, config) => {
        const { end_session_endpoint: endpoint } = config.serverMetadata()
        // Nobody is kept from signing out here by what is said of there.
        if (typeof endpoint !== 'string' || !isSafeToAsk(endpoint)) return undefined
        return client.buildEndSessionUrl(config, {
          post_logout_redirect_uri: returnTo,
          ...(idToken !== undefined && { id_token_hint: idToken }),
        }).href
      }),
    async jwksUri() {
      // Null is as good as nothing.
      const uri = (await discovered()).config.serverMetadata().jwks_uri ?? undefined
      if (uri !== undefined) return uri
      throw new HatchwayError('provider_refused', `${issuer} publishes no keys (jwks_uri).`)
    },
  }
}

async function withClient<T>(
  discovered: () => Promise<Discovered>,
  explained: (work: () => Promise<T>) => Promise<T>,
  work: (client: typeof Client, config: Client.Configuration) => Promise<T>,
): Promise<T> {
  const { client, config } = await discovered()
  return explained(() => work(client, config))
}

async function authorizationUrl(
  options: OidcOptions,
  { client, config }: Discovered,
  request: { redirectUri: string; state: string; nonce: string; verifier: string },
): Promise<string> {
  const offered = config.serverMetadata().scopes_supported ?? []
  const scopes =
    options.scopes ?? usefulScopes.filter((scope) => scope === 'openid' || offered.includes(scope))
  return client.buildAuthorizationUrl(config, {
    ...options.parameters,
    scope: [...new Set(['openid', ...scopes])].join(' '),
    redirect_uri: request.redirectUri,
    state: request.state,
    nonce: request.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(request.verifier),
    code_challenge_method: 'S256',
  }).href
}

/** What is longer could not be kept with a sign-in; real ones have a few kilobytes. */
const maxTokenLength = 64 * 1024

function toTokens(
  issuer: string,
  answer: Client.TokenEndpointResponse & Client.TokenEndpointResponseHelpers,
): OidcTokens {
  for (const name of ['access_token', 'refresh_token', 'id_token'] as const) {
    if ((answer[name]?.length ?? 0) > maxTokenLength)
      throw badAnswer(issuer, `its ${name} is longer than ${maxTokenLength / 1024} KiB`)
  }
  const claims = answer.claims()
  const expiresIn = answer.expiresIn()
  return {
    accessToken: answer.access_token,
    ...(answer.refresh_token !== undefined && { refreshToken: answer.refresh_token }),
    ...(answer.id_token !== undefined && { idToken: answer.id_token }),
    ...(claims !== undefined && { idClaims: { ...claims } }),
    ...(expiresIn !== undefined && { expiresInSeconds: expiresIn }),
  }
}

/** One discovery at a time; the last good one stays in use where a later one fails. */
function remember(discover: () => Promise<Discovered>): () => Promise<Discovered> {
  let good: { value: Discovered; at: number } | undefined
  let failed: { error: unknown; at: number } | undefined
  let underWay: Promise<Discovered> | undefined
  const begin = async (): Promise<Discovered> => {
    try {
      const value = await discover()
      good = { value, at: Date.now() }
      failed = undefined
      return value
    } catch (error) {
      failed = { error, at: Date.now() }
      if (good !== undefined) return good.value
      throw error
    } finally {
      underWay = undefined
    }
  }
  return () => {
    const now = Date.now()
    if (good !== undefined && now - good.at < metadataMs) return Promise.resolve(good.value)
    if (failed !== undefined && now - failed.at < failurePauseMs) {
      return good === undefined ? Promise.reject(failed.error) : Promise.resolve(good.value)
    }
    underWay ??= begin()
    return underWay
  }
}
