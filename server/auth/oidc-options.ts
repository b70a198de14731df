import type { ClaimNames } from './read-claims.ts'

/** The identity provider that people sign in with, and how its answers are read. */
export interface OidcOptions {
  /** Must equal the provider's own `issuer`. */
  issuer: string
  /** For the button: `Sign in with …`. */
  name: string
  clientId: string
  clientSecret?: string
  /** Absent: what the provider offers of those that are of use. */
  scopes?: readonly string[]
  /** Added to the authorization request. */
  parameters: Readonly<Record<string, string>>
  claims: ClaimNames
  /** Put before subject and groups. */
  prefix: string
  /** How long the provider's word is good before it is asked again. */
  refreshEverySeconds: number
  /** How long a sign-in lasts at most. */
  maxSignInSeconds: number
  device?: DeviceOptions
}

/** The public client that `hatchway login` uses. */
export interface DeviceOptions {
  clientId: string
  scopes: readonly string[]
  /** RFC 8707: which audience the tokens are asked for. */
  resource?: string
}
