import type * as Client from 'openid-client'
import { messageOf } from '../core/errors.ts'
import { readBounded } from '../core/read-bounded.ts'
import { isSafeToAsk } from '../core/urls.ts'
import { badMetadata, unavailable } from './oidc-errors.ts'

/** One client at one provider, as openid-client wants it. */
export interface Discovered {
  client: typeof Client
  config: Client.Configuration
}

export interface ClientOptions {
  /** Must equal the provider's own `issuer`; https, or http on loopback. */
  issuer: string
  clientId: string
  clientSecret?: string
}

const timeoutSeconds = 8
const maxAnswerBytes = 1024 * 1024

/** Asks the provider for its metadata. Each request to it ends after 8 seconds. Throws openid-client's errors. */
export async function discover(options: ClientOptions, clockSkewSeconds: number): Promise<Discovered> {
  // Only those with a provider pay for it.
  const client = await import('openid-client')
  const { issuer, clientId, clientSecret } = options
  const config = await client.discovery(
    new URL(issuer),
    clientId,
    { [client.clockTolerance]: clockSkewSeconds },
    authenticateBy(client, clientSecret),
    {
      timeout: timeoutSeconds,
      [client.customFetch]: (url, init) => fetchBounded(issuer, url, init),
      // Only a provider on loopback may be without TLS; fetchBounded holds its other addresses to that too.
      ...(issuer.startsWith('http:') && { execute: [client.allowInsecureRequests] }),
    },
  )
  checkMetadata(config.serverMetadata(), issuer)
  return { client, config }
}

/** What is used as it is said. Whatever else openid-client asks is checked when it is asked. */
function checkMetadata(metadata: Client.ServerMetadata, issuer: string): void {
  const said: Readonly<Record<string, unknown>> = { ...metadata }
  for (const name of ['authorization_endpoint', 'jwks_uri']) {
    const value = said[name] ?? undefined
    if (value === undefined || (typeof value === 'string' && isSafeToAsk(value))) continue
    throw badMetadata(issuer, `its ${name} is no address that begins with https`)
  }
  for (const name of ['scopes_supported', 'token_endpoint_auth_methods_supported']) {
    const value = said[name] ?? []
    if (!Array.isArray(value)) throw badMetadata(issuer, `its ${name} is no list`)
  }
}

/** RFC 8414, 2: a provider that names no method takes `client_secret_basic`. */
function authenticateBy(client: typeof Client, secret: string | undefined): Client.ClientAuth {
  if (secret === undefined) return client.None()
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const authenticate = methods.includes('client_secret_basic')
      ? client.ClientSecretBasic(secret)
      : client.ClientSecretPost(secret)
    authenticate(server, ...rest)
  }
}

/** An answer of at most 1 MiB; everything that keeps it from coming is `provider_unavailable`. */
async function fetchBounded(
  issuer: string,
  url: string,
  { body, ...init }: Client.CustomFetchOptions,
): Promise<Response> {
  try {
    if (!isSafeToAsk(url)) throw new Error(`${new URL(url).origin} is neither https nor on loopback`)
    const response = await fetch(url, { ...init, body: (body ?? null) as BodyInit | null })
    const answer = await readBounded(response, maxAnswerBytes)
    const { status, headers } = response
    // Responses with these statuses may have no body at all.
    const whole = [204, 205, 304].includes(status) ? null : new Uint8Array(answer)
    return new Response(whole, { status, headers })
  } catch (cause) {
    const slow = cause instanceof Error && cause.name === 'TimeoutError'
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
    throw unavailable(issuer, slow ? `no answer within ${timeoutSeconds} s` : messageOf(inner))
  }
}
